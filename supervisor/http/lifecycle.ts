/** What is done with a VM that exists: start, stop, kill, pause, resume, restart, wait. */

import { z } from "@hono/zod-openapi";
import { addRoute, type ControlApp, type ControlContext } from "./route.ts";
import { VmPath, wholeNumber } from "./schema.ts";
import type { Supervisor } from "../supervisor.ts";
import { findVm } from "./vms.ts";
import { Vm } from "./vm_schema.ts";
import { RequestError } from "../request_error.ts";
import { hasEnded } from "../vm/record.ts";

const tag = "vms";
const GRACE_SECONDS_MAXIMUM = 300, WAIT_SECONDS_MAXIMUM = 3600, WAIT_SECONDS_DEFAULT = 60;

const grace = wholeNumber(
  "grace",
  "Seconds that the guest has to end after its shutdown interrupt; 0: it is ended at once",
  0,
  0,
  GRACE_SECONDS_MAXIMUM,
);
const Grace = z.object({ grace });
const Wait = z.object({
  timeout: wholeNumber("timeout", "Seconds to wait", WAIT_SECONDS_DEFAULT, 0, WAIT_SECONDS_MAXIMUM),
});

export function routeLifecycle(app: ControlApp, supervisor: Supervisor): void {
  const verb = <Q>(
    name: string,
    summary: string,
    query: z.ZodType<Q> | undefined,
    act: (id: number, query: Q) => Promise<unknown>,
  ) =>
    addRoute(app, {
      method: "post",
      path: `/v1/vms/{id}/${name}`,
      tag,
      summary,
      access: { role: "operator" },
      params: VmPath,
      query,
      answers: { 200: { description: "The VM afterwards", schema: Vm } },
    }, async (c: ControlContext, { params, query }) => {
      const { id } = findVm(c, supervisor, params.id);
      await act(id, query);
      return c.json(supervisor.get(id));
    });

  verb(
    "start",
    "Start a VM that was created, or that has ended: afresh",
    undefined,
    (id) => supervisor.start(id),
  );
  verb(
    "stop",
    "Ask a VM to end, and end it",
    Grace,
    (id, { grace }) => supervisor.stop(id, grace * 1000),
  );
  verb("kill", "End a VM without asking it", undefined, (id) => supervisor.stop(id));
  verb(
    "restart",
    "Stop a VM if it runs, and start it afresh",
    Grace,
    (id, { grace }) => supervisor.restart(id, grace * 1000),
  );
  verb("pause", "Let a VM stand still", undefined, (id) => supervisor.pause(id));
  verb("resume", "Let a paused VM go on", undefined, (id) => supervisor.resume(id));

  addRoute(app, {
    method: "get",
    path: "/v1/vms/{id}/wait",
    tag,
    summary: "Wait until a VM has ended",
    access: { role: "reader" },
    params: VmPath,
    query: Wait,
    answers: {
      200: { description: "The VM, which has ended", schema: Vm },
      408: { description: "It has not" },
    },
  }, async (c, { params, query }) => {
    const vm = findVm(c, supervisor, params.id);
    const seconds = query.timeout;
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(seconds * 1000)]);
    try {
      return c.json(await supervisor.ended(vm.id, signal));
    } catch (error) {
      if (!signal.aborted || hasEnded(vm)) throw error;
      const got = `VM ${vm.name} is ${vm.state} after ${seconds} s`;
      throw new RequestError("state", got, "stopped or crashed: wait again", 408);
    }
  });
}
