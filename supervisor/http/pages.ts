/** The pages for people, and the OpenAPI document. They hold nothing of this server's. */

import { DASHBOARD, DOCS } from "../pages/pages.ts";
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
  servePage(app, "/", DASHBOARD);
  servePage(app, "/docs", DOCS);
}

/** A page may run the script and have the style that stand in it, and ask this server: no more. */
function servePage(app: ControlApp, path: string, html: string): void {
  let policy: Promise<string> | undefined;
  app.get(path, async (c) => {
    policy ??= policyOf(html);
    return c.html(html, 200, { "content-security-policy": await policy });
  });
}

async function policyOf(html: string): Promise<string> {
  const hashes = async (tag: string) => {
    const texts = [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(([, text]) =>
      text
    );
    const digests = texts.map(async (text) => {
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
      return `'sha256-${new Uint8Array(digest).toBase64()}'`;
    });
    return (await Promise.all(digests)).join(" ");
  };
  return `default-src 'none'; connect-src 'self'; script-src ${await hashes("script")}; ` +
    `style-src ${await hashes("style")}; base-uri 'none'; frame-ancestors 'none'`;
}
