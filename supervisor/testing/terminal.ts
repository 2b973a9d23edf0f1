/** A program on a terminal of its own, as a user has it: what it shows, and what is typed on it. */

const SCRIPT = `
import fcntl, json, os, pty, signal, struct, sys, termios
steps, rows, columns = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
seen, at, wanted = b"", 0, "the end"
signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"waited for {wanted!r} in {seen!r}"))
signal.alarm(60)
for wanted, typed in steps:
    while seen.find(wanted.encode(), at) < 0: seen += os.read(terminal, 65536)
    at = seen.index(wanted.encode(), at) + len(wanted.encode())
    if isinstance(typed, int): os.killpg(pid, typed)
    else: os.write(terminal, typed.encode())
try:
    while more := os.read(terminal, 65536): seen += more
except OSError: pass
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps([code, seen.decode("utf-8", "replace")]))`;

/** First what is waited for in what comes, then what is typed, or the signal that everybody gets. */
export type Step = readonly [string, string | number];

/** Needs python3. `code` is negative if a signal ended the program. */
export async function onTerminal(
  command: readonly string[],
  steps: readonly Step[],
  { rows = 24, columns = 80, env = {} } = {},
): Promise<{ code: number; shown: string }> {
  const { stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", SCRIPT, JSON.stringify([steps, rows, columns]), ...command],
    env: { TERM: "xterm", ...env },
    stdin: "null",
  }).output();
  if (stdout.length === 0) throw new Error(new TextDecoder().decode(stderr));
  const [code, shown] = JSON.parse(new TextDecoder().decode(stdout));
  return { code, shown };
}
