/** The pages for people, and the OpenAPI document. They hold nothing of this server's. */

import { DASHBOARD } from "../dashboard.ts";
import { DOCS } from "./docs_page.ts";
import type { ControlApp } from "./route.ts";
import { VERSION } from "../version.ts";

const DESCRIPTION = `Thousands of small x86 virtual machines in one process.

Every answer that is no success is a problem document (RFC 9457) that names the field at fault, what
came and what was expected. While no tokens are set, whoever reaches the endpoint may do everything.`;

export function routePages(app: ControlApp): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A token of `POST /v1/tokens`",
  });
  let document: string | undefined;
  app.get("/openapi.json", (c) => {
    document ??= JSON.stringify(app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Denali", version: VERSION, description: DESCRIPTION },
      servers: [{ url: "/" }],
    }));
    return c.body(document, 200, { "content-type": "application/json" });
  });
  app.get("/", (c) => c.html(DASHBOARD));
  app.get("/docs", (c) => c.html(DOCS));
}
