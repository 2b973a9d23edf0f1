/**
 * Pages in a headless Chromium, driven by its DevTools protocol
 * (https://chromedevtools.github.io/devtools-protocol/): JSON messages over one WebSocket, each
 * command with a number that its answer bears, and each page with a session of its own.
 */

import { TextLineStream } from "@std/streams";

/** For what never happens; whoever waits goes on as soon as it does. */
const PATIENCE_MS = 60_000;

type Command = (method: string, parameters: object) => Promise<Record<string, unknown>>;

export class Page {
  constructor(readonly command: Command) {}

  /** The value of an expression in the page, which may be a promise; throws what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.command("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as { result: { value: unknown }; exceptionDetails?: { exception?: object } };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Resolves when the expression is true, which is looked at whenever the document changes. */
  async until(expression: string): Promise<void> {
    const seen = await this.evaluate(`Promise.race([
      new Promise((resolve) => {
        const look = () => (${expression}) && resolve(true);
        const changes = { subtree: true, childList: true, attributes: true, characterData: true };
        new MutationObserver(look).observe(document, changes);
        look();
      }),
      patience,
    ])`);
    if (seen) return;
    throw new Error(`never true: ${expression}\n${await this.evaluate("document.body.outerHTML")}`);
  }
}

export interface Browser {
  /** Loads a page; `script` runs in it before its own. */
  open(url: string, script?: string): Promise<Page>;
}

export async function withBrowser(test: (browser: Browser) => Promise<void>): Promise<void> {
  const profile = await Deno.makeTempDir();
  const chromium = new Deno.Command("chromium", {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const told = Promise.withResolvers<string>();
  const reading = chromium.stderr
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .pipeTo(
      new WritableStream<string>({
        write(line) {
          const address = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
          if (address) told.resolve(address);
        },
        close: () => told.reject(new Error("chromium ended before it listened")),
      }),
    );
  try {
    const socket = await connect(await told.promise);
    await test({ open: (url, script) => open(socket, url, script) });
    await socket("", "Browser.close", {});
  } finally {
    // It has ended, or does so now.
    try {
      chromium.kill();
    } catch { /* it has */ }
    await Promise.all([chromium.status, reading]);
    await Deno.remove(profile, { recursive: true });
  }
}

type Send = (session: string, ...command: Parameters<Command>) => ReturnType<Command>;

async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address);
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  };
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = () => {
    opened.reject(new Error(`${address} refuses`));
    for (const each of waiting.values()) each.reject(new Error("chromium has ended"));
  };
  await opened.promise;
  let last = 0;
  return (sessionId, method, params) => {
    const answer = Promise.withResolvers<Record<string, unknown>>();
    waiting.set(++last, answer);
    socket.send(JSON.stringify({ id: last, method, params, ...sessionId && { sessionId } }));
    return answer.promise;
  };
}

async function open(send: Send, url: string, script = ""): Promise<Page> {
  const { targetId } = await send("", "Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("", "Target.attachToTarget", { targetId, flatten: true });
  const page = new Page((method, parameters) => send(String(sessionId), method, parameters));
  await page.command("Page.enable", {});
  const source = `const patience = new Promise((resolve) => {
    setTimeout(resolve, ${PATIENCE_MS}, false);
  });\n${script}`;
  await page.command("Page.addScriptToEvaluateOnNewDocument", { source });
  await page.command("Page.navigate", { url });
  await page.evaluate(`document.readyState === "complete" ||
    new Promise((resolve) => addEventListener("load", () => resolve(true)))`);
  return page;
}
