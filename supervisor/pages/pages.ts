/**
 * The pages at `/` and `/docs`, whole: they load nothing from elsewhere, and their scripts use only
 * what is under `/v1` and `/openapi.json`.
 */

import dashboardHtml from "./dashboard.html" with { type: "text" };
import dashboardScript from "./dashboard.js" with { type: "text" };
import dashboardStyle from "./dashboard.css" with { type: "text" };
import docsHtml from "./docs.html" with { type: "text" };
import docsScript from "./docs.js" with { type: "text" };
import docsStyle from "./docs.css" with { type: "text" };

export const DASHBOARD = whole(dashboardHtml, dashboardStyle, dashboardScript);
export const DOCS = whole(docsHtml, docsStyle, docsScript);

function whole(html: string, style: string, script: string): string {
  return html
    .replace("<style></style>", () => `<style>\n${style}</style>`)
    .replace("<script></script>", () => `<script>\n${script}</script>`);
}
