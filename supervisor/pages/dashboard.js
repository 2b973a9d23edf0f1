// The script of the dashboard, in the browser. All text of guests and operators goes into text nodes only.
"use strict";

const PAGE = 50, EVENTS = 20, CONSOLE_CHARACTERS = 65_536;
/** A fleet's counters are a large answer: they are asked for less often. */
const REFRESH_MS = 2000, REFRESH_LARGE_MS = 10_000, LARGE = 1000;
const STATES = ["created", "running", "paused", "stopped", "crashed"];
/** What can be done with a VM in each state. */
const ACTIONS = {
  created: ["start"],
  running: ["stop", "restart", "pause", "kill"],
  paused: ["resume", "kill"],
  stopped: ["start"],
  crashed: ["start"],
};

const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// ---- the endpoint ----

async function ask(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = { ...options.headers, ...(token ? { authorization: "Bearer " + token } : {}) };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) {
    // Whoever is answered late finds that the operator has logged in meanwhile.
    if (sessionStorage.getItem("token") === token) await login();
    return ask(path, options);
  }
  if (!answer.ok) {
    const { title, detail } = await answer.json().catch(() => ({ title: answer.statusText }));
    throw new Error(detail ?? title);
  }
  return answer;
}

let loggedIn;

/** Asks for the token once, however many requests want one. */
function login() {
  loggedIn ??= new Promise((resolve) => {
    $("login").showModal();
    $("login").onclose = () => {
      sessionStorage.setItem("token", $("token").value);
      loggedIn = undefined;
      resolve();
    };
  });
  return loggedIn;
}

/** Shows what went wrong, until the next success. */
async function attempt(place, work) {
  try {
    await work();
    place.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    place.textContent = error.message;
    place.hidden = false;
  }
}

/** Calls `take` with text as it comes. */
async function follow(path, options, take) {
  const { body } = await ask(path, options);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) take(next.value);
}

// ---- numbers ----

function scaled(value, base, units) {
  let unit = 0;
  for (; value >= base && unit < units.length - 1; unit++) value /= base;
  const digits = value >= 100 || unit === 0 ? Math.round(value) : value.toPrecision(2);
  return `${digits} ${units[unit]}`.trimEnd();
}

const short = (value) => scaled(value, 1000, ["", "k", "M", "G", "T"]);
const bytes = (value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);

/** Differences by second of counters that rise. */
class Rates {
  #last = new Map();

  of(key, value) {
    const now = performance.now(), last = this.#last.get(key);
    this.#last.set(key, { value, now });
    if (last === undefined || value < last.value) return 0;
    return (value - last.value) * 1000 / Math.max(1, now - last.now);
  }
}

const rates = new Rates();

// ---- the fleet ----

/** The query of the page that is shown; `next`: of the one behind it. */
let after = 0, next = 0;

async function refreshTotals() {
  const system = await (await ask("/v1/system")).json();
  const { frames, swap, capacity, engine, states = {} } = system;
  const done = engine.evaluated + engine.translated;
  const totals = {
    "machines": system.vms,
    ...states,
    "memory": `${bytes((frames.total - frames.free) * 4096)} of ${bytes(frames.total * 4096)}`,
    "in swap": bytes(swap.swapped * 4096),
    "instructions/s": short(rates.of("all", done)),
    "cells": capacity.cells,
  };
  $("version").textContent = system.version;
  $("totals").replaceChildren(
    ...Object.entries(totals).map(([name, value]) =>
      make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))
    ),
  );
  return system.vms;
}

async function refreshVms() {
  const query = new URLSearchParams({ limit: PAGE, after });
  if ($("name").value) query.set("name", `*${$("name").value}*`);
  if ($("state").value) query.set("state", $("state").value);
  const [answer, stats] = await Promise.all([
    ask("/v1/vms?" + query),
    ask("/v1/stats").then((answer) => answer.json()),
  ]);
  const vms = await answer.json();
  const counters = new Map(stats.map((each) => [each.id, each]));
  next = answer.headers.has("link") ? vms[vms.length - 1].id : 0;
  $("next").disabled = next === 0;
  $("first").disabled = after === 0;
  const focused = document.activeElement?.dataset?.vm;
  $("vms").replaceChildren(...vms.map((vm) => row(vm, counters.get(vm.id))));
  $("vms").querySelector(`[data-vm="${focused}"]`)?.focus();
}

function row(vm, { instructions = 0, residentPages = 0 } = {}) {
  const open = () => location.hash = vm.id;
  const line = make("tr", { tabIndex: 0, onclick: open });
  line.onkeydown = ({ key }) => key === "Enter" && open();
  line.dataset.vm = vm.id;
  const site = location.hostname === "localhost" || location.hostname === "127.0.0.1"
    ? link(`${location.protocol}//${vm.name}.localhost:${location.port}/`, vm.name)
    : vm.name;
  const ports = vm.publish.flatMap(({ hostname, host, guest, protocol }) => {
    if (protocol === "udp") return [`${host}:${guest}/udp `];
    const name = hostname === "0.0.0.0" ? location.hostname : hostname;
    return [link(`http://${name}:${host}/`, `${host}:${guest}`), " "];
  });
  const state = vm.state + (vm.exitCode === undefined ? "" : ` (${vm.exitCode})`);
  line.append(
    make("td", {}, site),
    make("td", { textContent: vm.image }),
    make("td", { textContent: state, className: vm.state }),
    make("td", { textContent: short(rates.of(vm.id, instructions)), className: "number" }),
    make("td", { className: "number" }, `${bytes(residentPages * 4096)} of ${bytes(vm.memory)}`),
    make("td", { textContent: vm.address }),
    make("td", {}, ...ports),
    make("td", {}, make("time", { textContent: moment(vm.created), dateTime: vm.created })),
  );
  return line;
}

function link(href, text) {
  return make("a", { href, textContent: text, onclick: (event) => event.stopPropagation() });
}

function moment(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

// ---- one machine ----

let following = new AbortController();

/** Opens the dialog for a machine, by name or number, and follows its console until it has ended. */
async function show(id) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  $("vm-name").textContent = id;
  for (const part of ["vm-about", "vm-actions", "console"]) $(part).replaceChildren();
  $("typing").hidden = true;
  if (!$("vm").open) $("vm").showModal();
  const path = "/v1/vms/" + encodeURIComponent(id);
  await describe(path, signal);
  attempt($("vm-problem"), async () => {
    await follow(`${path}/console?follow=true`, { signal }, write);
    await describe(path, signal);
  });
}

async function describe(path, signal) {
  const vm = await (await ask(path, { signal })).json();
  $("vm-name").textContent = vm.name;
  const { reason, symbol } = vm.report ?? {};
  const why = vm.state === "crashed" ? `: ${reason}${symbol ? ` at ${symbol}` : ""}` : "";
  $("vm-about").textContent = `${vm.image}, ${vm.state}${why}`;
  $("vm-about").className = vm.state;
  $("vm-actions").replaceChildren(
    ...(ACTIONS[vm.state] ?? []).map((action) =>
      make("button", { textContent: action, onclick: () => act(vm.id, action) })
    ),
    make("button", { textContent: "remove", onclick: () => remove(vm) }),
  );
  $("typing").hidden = vm.state !== "running";
  $("typing").onsubmit = (event) => {
    event.preventDefault();
    const body = new TextEncoder().encode($("line").value + "\n");
    $("line").value = "";
    attempt($("vm-problem"), () =>
      ask(`${path}/console`, {
        method: "POST",
        body,
        headers: { "content-type": "application/octet-stream" },
      }));
  };
}

/** Consoles are shown as text: escape sequences (ECMA-48) are left out. */
function write(text) {
  const pre = $("console");
  const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "").replaceAll("\r\n", "\n");
  pre.textContent = (pre.textContent + plain).slice(-CONSOLE_CHARACTERS);
  if (atEnd) pre.scrollTop = pre.scrollHeight;
}

async function act(id, action) {
  await attempt($("vm-problem"), async () => {
    await ask(`/v1/vms/${id}/${action}`, { method: "POST" });
    await show(id);
  });
  refresh();
}

function remove({ id, name }) {
  if (!confirm(`Remove ${name}? It is ended, and nothing of it is kept but its disks.`)) return;
  attempt($("vm-problem"), async () => {
    await ask("/v1/vms/" + id, { method: "DELETE" });
    $("vm").close();
    refresh();
  });
}

/** `#NAME` or `#NUMBER` in the address of this page: that machine is shown. */
function showNamed() {
  const id = location.hash.slice(1);
  if (id !== "") attempt($("vm-problem"), () => show(id));
}

$("vm").onclose = () => {
  following.abort();
  history.replaceState(null, "", location.pathname);
};

// ---- what happens ----

async function watchEvents() {
  const latest = await (await ask("/v1/events?limit=" + EVENTS)).json();
  $("events").replaceChildren();
  latest.forEach(addEvent);
  let last = latest.at(-1)?.id ?? 0, rest = "";
  const headers = { accept: "text/event-stream", "last-event-id": String(last) };
  await follow("/v1/events", { headers }, (text) => {
    const messages = (rest + text).split("\n\n");
    rest = messages.pop();
    for (const message of messages) {
      const data = message.split("\n").find((line) => line.startsWith("data:"));
      if (data === undefined) continue;
      const event = JSON.parse(data.slice(5));
      if (event.id <= last) continue;
      last = event.id;
      addEvent(event);
    }
  });
}

function addEvent({ time, type, vm, message }) {
  const text = ` ${type}${vm === undefined ? "" : ` vm ${vm}`}${message ? `: ${message}` : ""}`;
  $("events").prepend(make("li", {}, make("time", { textContent: moment(time) }), text));
  $("events").children[EVENTS]?.remove();
}

// ---- again and again ----

let timer, busy = false, wanted = false;

/** Shows the fleet anew, now and later. What is asked for meanwhile is done behind it. */
async function refresh() {
  wanted = true;
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  let vms = 0;
  while (wanted) {
    wanted = false;
    await attempt($("problem"), async () => {
      vms = await refreshTotals();
      await refreshVms();
    });
  }
  busy = false;
  timer = setTimeout(refresh, vms > LARGE ? REFRESH_LARGE_MS : REFRESH_MS);
}

async function keepWatching() {
  for (;;) {
    await attempt($("problem"), watchEvents);
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

$("state").append(...STATES.map((state) => make("option", { textContent: state, value: state })));
$("filter").onsubmit = (event) => event.preventDefault();
$("filter").oninput = () => {
  after = 0;
  refresh();
};
$("next").onclick = () => {
  after = next;
  refresh();
};
$("first").onclick = () => {
  after = 0;
  refresh();
};
addEventListener("hashchange", showNamed);
showNamed();
refresh();
keepWatching();
