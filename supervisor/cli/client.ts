/** The endpoint as the client verbs see it. */

import { Failure } from "./command.ts";

const DEFAULT_HOST = "http://127.0.0.1:8080";

export const HOST_HELP =
  `  --host URL  where the server listens (default: the environment variable DENALI_HOST, or
              ${DEFAULT_HOST})`;

export const CLIENT_EXIT_HELP =
  `Exit status: 0 done, 1 the server refused or cannot be reached, 127 bad command line.`;

export class Client {
  readonly url: string;

  /** `host` as given by --host: a URL, or HOST:PORT. */
  constructor(host: string | undefined) {
    const given = host ?? Deno.env.get("DENALI_HOST") ?? DEFAULT_HOST;
    const url = /^https?:\/\//.test(given) ? given : `http://${given}`;
    if (!URL.canParse(url)) {
      throw new Failure(`--host: expected a URL or HOST:PORT, got "${given}"`);
    }
    this.url = url.replace(/\/+$/, "");
  }

  /** One request; throws a Failure with the server's message unless it is answered with 2xx. */
  async send(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.url + path, {
        method,
        body,
        headers: type === undefined ? {} : { "content-type": type },
      });
    } catch (error) {
      const reason = (error as Error).message;
      throw new Failure(`cannot reach ${this.url}: ${reason}. Is \`denali up\` running there?`);
    }
    if (!response.ok) throw new Failure(await refusal(response));
    return response;
  }

  async get<T>(path: string): Promise<T> {
    return await (await this.send("GET", path)).json();
  }

  async patch<T>(path: string, value: unknown): Promise<T> {
    return await (await this.send("PATCH", path, JSON.stringify(value), "application/json")).json();
  }

  async post<T>(path: string, value?: unknown): Promise<T> {
    const body = value === undefined ? undefined : JSON.stringify(value);
    return await (await this.send("POST", path, body, "application/json")).json();
  }
}

/** The path of a VM, whatever is in its name. */
export function vmPath(vm: string, verb = ""): string {
  return `/v1/vms/${encodeURIComponent(vm)}${verb === "" ? "" : `/${verb}`}`;
}

async function refusal(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { field, message, expected } = JSON.parse(text).error;
    return `${field}: ${message}; expected ${expected}`;
  } catch {
    return `the server answered ${response.status}: ${text.slice(0, 200)}`;
  }
}
