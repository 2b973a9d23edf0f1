/**
 * A `denali up` of our own in a process of its own, for the demo, fleet tests and benchmarks: what they
 * measure is the program a user runs, and its resident memory is not mixed with the measuring.
 */

import { PERMISSIONS } from "../../supervisor/bundle.ts";
import type { ServerAddress } from "./http_connection.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export interface VmRequest {
  readonly name: string;
  readonly image: string;
  readonly memory?: string;
  readonly env?: Record<string, string>;
  readonly args?: string[];
  readonly publish?: string[];
}

// deno-lint-ignore no-explicit-any -- JSON, as it comes
type Json = any;

export class TestServer {
  readonly address: ServerAddress;
  readonly url: string;
  #child: Deno.ChildProcess;
  #drained: Promise<unknown>;

  private constructor(child: Deno.ChildProcess, url: string, drained: Promise<unknown>) {
    this.#child = child;
    this.#drained = drained;
    this.url = url;
    this.address = { hostname: "127.0.0.1", port: Number(new URL(url).port) };
  }

  /** Starts `denali up` on `listen` and waits until it says where it listens. */
  static async start(options: { listen?: string; args?: string[] } = {}): Promise<TestServer> {
    const { listen = "127.0.0.1:0", args = [] } = options;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...PERMISSIONS, "main.ts", "up", "--listen", listen, ...args],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const found = text.match(/http:\/\/[^\s/]+/);
      if (found) return new TestServer(child, found[0], drain(reader));
      const { done, value } = await reader.read();
      if (done) throw new Error(`denali up ended before it listened: ${text || "no output"}`);
      text += value;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** One request to the control endpoint; throws with its message unless the status is 2xx. */
  async request(method: string, path: string, body?: unknown): Promise<Json> {
    const response = await fetch(this.url + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text;
  }

  create(vm: VmRequest): Promise<Json> {
    return this.request("POST", "/v1/vms", vm);
  }

  /** Resident memory of the whole process in bytes. */
  async residentBytes(): Promise<number> {
    return (await this.request("GET", "/v1/system")).residentBytes;
  }

  /** SIGTERM; returns the exit status. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    const { code } = await this.#child.status;
    await this.#drained;
    return code;
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
