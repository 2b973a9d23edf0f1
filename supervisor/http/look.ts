/** What a VM does and did: counters, the report of its crash, its frames. */

import { z } from "@hono/zod-openapi";
import { addRoute, type ControlApp } from "./route.ts";
import { RequestError } from "../request_error.ts";
import { VmPath, wholeNumber } from "./schema.ts";
import type { Supervisor } from "../supervisor.ts";
import { SNAP_MAXIMUM } from "../vm/captures.ts";
import { findVm } from "./vms.ts";

const SECONDS_DEFAULT = 60, SECONDS_MAXIMUM = 3600;
const FRAMES_DEFAULT = 10_000, FRAMES_MAXIMUM = 10_000_000;

const Limits = z.object({
  seconds: wholeNumber("seconds", "It ends after so many", SECONDS_DEFAULT, 1, SECONDS_MAXIMUM),
  frames: wholeNumber("frames", "It ends after so many", FRAMES_DEFAULT, 1, FRAMES_MAXIMUM),
  snap: wholeNumber("snap", "Bytes of each frame that are kept", SNAP_MAXIMUM, 1, SNAP_MAXIMUM),
});

const Stats = z.object({ state: z.string() }).catchall(z.unknown()).openapi("VmStats");
const Crash = z.object({
  reason: z.string(),
  text: z.string().meta({ description: "For people" }),
  report: z.record(z.string(), z.unknown()).nullable().meta({
    description: "For programs; null if the VM's cell is gone, or the server ended since",
  }),
}).openapi("Crash");

export function routeLooks(app: ControlApp, supervisor: Supervisor): void {
  addRoute(
    app,
    {
      method: "get",
      path: "/v1/vms/{id}/stats",
      tag: "vms",
      summary: "Counters of a VM",
      description:
        "Instructions, time slices, interrupts, frames, pages, swap and disk requests since " +
        "it was last started; only its state if nothing runs it.",
      access: { role: "reader" },
      params: VmPath,
      answers: { 200: { description: "Counters", schema: Stats } },
    },
    async (c, { params }) => c.json(await supervisor.statsOf(findVm(c, supervisor, params.id).id)),
  );

  addRoute(app, {
    method: "get",
    path: "/v1/vms/{id}/crash",
    tag: "vms",
    summary: "Why a VM crashed",
    access: { role: "reader" },
    params: VmPath,
    answers: {
      200: { description: "The report", schema: Crash },
      404: { description: "It has not crashed" },
    },
  }, async (c, { params }) => {
    const vm = findVm(c, supervisor, params.id);
    if (vm.state !== "crashed") {
      throw new RequestError("state", `VM ${vm.name} is ${vm.state}`, "one that crashed", 404);
    }
    const { reason = "", crash = "" } = vm;
    return c.json({ reason, text: crash, report: await supervisor.report(vm.id) });
  });

  addRoute(app, {
    method: "get",
    path: "/v1/vms/{id}/pcap",
    tag: "vms",
    summary: "The frames of a VM, as they come",
    description: "A file in the format of pcap that grows, for example for " +
      "`curl -sN URL | tcpdump -r -`. A reader that does not keep up loses frames. A frame that is " +
      "handed over with offload is shown as the VM has it.",
    access: { role: "operator" },
    params: VmPath,
    query: Limits,
    answers: { 200: { description: "The capture", type: "application/vnd.tcpdump.pcap" } },
  }, (c, { params, query }) => {
    const { id } = findVm(c, supervisor, params.id);
    return c.body(supervisor.capture(id, query), 200, {
      "content-type": "application/vnd.tcpdump.pcap",
      "cache-control": "no-store",
    });
  });
}
