/** The `denali` command. */

import { main } from "./supervisor/cli/main.ts";

// An explicit exit: a read of stdin, or a cell that does not listen any more, would keep us here.
if (import.meta.main) Deno.exit(await main(Deno.args));
