/**
 * The endpoint as the client verbs see it: over TCP, TLS or a unix socket, with the token of the
 * environment. The token is no option: other users of the host see the command lines of processes.
 */

import { EXIT, Failure, type OptionNames, readWords, type Words } from "./command.ts";

const DEFAULT_HOST = "http://127.0.0.1:8080";

/** Items of a log that are asked for at once. */
const LOG_PAGE = 1000;

/** Options of every verb that is a client; `readClientWords` adds them. */
const CLIENT_OPTIONS = ["host", "ca"];

export const HOST_HELP =
  `  --host URL  the server: a URL, HOST:PORT or unix:PATH (default: the environment variable
              DENALI_HOST, or ${DEFAULT_HOST}); DENALI_TOKEN holds the token, if it wants one
  --ca FILE   certificate that the server's is signed with (default: DENALI_CA)`;

export const CLIENT_EXIT_HELP =
  `Exit status: 0 done, 1 the server refused or cannot be reached, 127 bad command line, 141 nobody
reads stdout any more.`;

export class Client {
  /** Without a slash at its end. */
  readonly url: string;
  /** What to call the server in messages. */
  readonly #place: string;
  /** How to get there, where that is not plain TCP. */
  readonly #transport: Deno.HttpClient | undefined;

  /** `host` and `ca` as given on the command line. Throws a Failure if they make no sense. */
  constructor({ host, ca }: Readonly<Record<string, string | undefined>>) {
    const given = host ?? variable("DENALI_HOST") ?? DEFAULT_HOST;
    const socket = /^unix:(?:\/\/)?(.+)$/.exec(given)?.[1];
    const url = /^https?:\/\//.test(given) ? given : `http://${given}`;
    if (socket === undefined && (/^(?!http)\w+:\/\/|^unix:/.test(given) || !URL.canParse(url))) {
      const where = host === undefined ? "DENALI_HOST" : "--host";
      throw new Failure(`${where}: expected a URL, HOST:PORT or unix:PATH, got "${given}"`);
    }
    this.url = socket === undefined ? url.replace(/\/+$/, "") : "http://localhost";
    this.#place = socket === undefined ? this.url : `unix:${socket}`;
    this.#transport = socket === undefined ? trust(ca ?? variable("DENALI_CA")) : unix(socket);
  }

  /** One request; throws a Failure with the server's message unless it is answered with 2xx. */
  async send(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const allHeaders = { ...headers, ...authorization() };
    let response: Response;
    try {
      response = await fetch(this.url + path, {
        method,
        body,
        headers: allHeaders,
        client: this.#transport,
      });
    } catch (error) {
      throw new Failure(
        `cannot reach ${this.#place}: ${reasonOf(error)}. Is \`denali up\` running there?`,
      );
    }
    if (!response.ok) throw new Failure(await refusal(response), EXIT.FAILED, response.status);
    return response;
  }

  /**
   * A WebSocket of the endpoint; resolves when it is open. Messages and the end may come before anybody
   * has had time to ask the socket for them, so `take` is given here and `closed` comes with it.
   */
  async socket(
    path: string,
    take: (bytes: ArrayBuffer) => void,
  ): Promise<{ socket: WebSocket; closed: Promise<CloseEvent> }> {
    const socket = new WebSocket(this.url.replace(/^http/, "ws") + path, {
      client: this.#transport,
      headers: authorization(),
    });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => take(data);
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) => {
        const { message } = event as ErrorEvent;
        reject(new Failure(`cannot open ${path} at ${this.#place}: ${message}`));
      };
    });
    return { socket, closed };
  }

  /** The bytes of an answer as they come; a Failure if the server goes away before their end. */
  async *bytes({ body }: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const reader = body?.getReader();
    if (reader === undefined) return;
    try {
      for (;;) {
        const { value } = await reader.read().catch((error) => {
          throw new Failure(`${this.#place} broke off its answer: ${reasonOf(error)}`);
        });
        if (value === undefined) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async get<T>(path: string): Promise<T> {
    return await (await this.send("GET", path)).json();
  }

  /** The items of a log with greater ids, oldest first, however many there are. */
  async *log<T extends { readonly id: number }>(path: string, after: number): AsyncGenerator<T> {
    for (let at = after;;) {
      const page = await this.get<T[]>(`${path}?after=${at}&limit=${LOG_PAGE}`);
      yield* page;
      if (page.length < LOG_PAGE) return;
      at = page[page.length - 1].id;
    }
  }

  async patch<T>(path: string, value: unknown): Promise<T> {
    return await (await this.#sendJson("PATCH", path, value)).json();
  }

  async post<T>(path: string, value?: unknown): Promise<T> {
    return await (await this.#sendJson("POST", path, value)).json();
  }

  async delete(path: string): Promise<void> {
    await (await this.send("DELETE", path)).body?.cancel();
  }

  #sendJson(method: string, path: string, value: unknown): Promise<Response> {
    if (value === undefined) return this.send(method, path);
    return this.send(method, path, JSON.stringify(value), { "content-type": "application/json" });
  }
}

/** Reads the words of a client verb, and finds its server. */
export function readClientWords(
  args: string[],
  names: OptionNames = {},
): { read: Words; client: Client } {
  const read = readWords(args, { ...names, text: [...CLIENT_OPTIONS, ...names.text ?? []] });
  return { read, client: new Client(read.text) };
}

/** The path of a VM, whatever is in its name. */
export function vmPath(vm: string, verb = ""): string {
  return `/v1/vms/${encodeURIComponent(vm)}${verb === "" ? "" : `/${verb}`}`;
}

/** A variable that is set to nothing is none. */
function variable(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}

function authorization(): Record<string, string> {
  const token = variable("DENALI_TOKEN");
  if (token === undefined) return {};
  if (/^[!-~]+$/.test(token)) return { authorization: `Bearer ${token}` };
  throw new Failure("DENALI_TOKEN: expected a token, got blanks or signs that none has");
}

/** What fetch says is in the cause, behind the URL. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  if (!(cause instanceof Error)) return message;
  if (cause.message.includes("CaUsedAsEndEntity")) {
    return "its certificate is one for signing others: make one with basicConstraints=CA:FALSE";
  }
  return cause.message.replace(/^error sending request.*?\): /, "");
}

function unix(path: string): Deno.HttpClient {
  return Deno.createHttpClient({ proxy: { transport: "unix", path } });
}

function trust(file: string | undefined): Deno.HttpClient | undefined {
  if (file === undefined) return undefined;
  try {
    return Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(file)] });
  } catch (error) {
    throw new Failure(`--ca: expected a file with a certificate: ${(error as Error).message}`);
  }
}

/** What a refusal says: a problem document (RFC 9457), or whatever came. */
async function refusal(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text);
    const { field, message, expected } = problem.error ?? problem;
    if (field !== undefined) return `${field}: ${message}; expected ${expected}`;
    if (problem.detail !== undefined) return problem.detail;
  } catch {
    // Not ours: a proxy's page, or another server's.
  }
  return `the server answered ${response.status}: ${text.slice(0, 200)}`;
}
