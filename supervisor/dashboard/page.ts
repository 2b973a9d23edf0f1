/** The page at `/`, whole: it loads nothing from elsewhere, and its script uses only the endpoint under `/v1`. */

import html from "./dashboard.html" with { type: "text" };
import script from "./dashboard.js" with { type: "text" };
import style from "./dashboard.css" with { type: "text" };

export const DASHBOARD = html
  .replace("<style></style>", () => `<style>\n${style}</style>`)
  .replace("<script></script>", () => `<script>\n${script}</script>`);
