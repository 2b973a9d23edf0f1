/**
 * What an operator says about a VM that is to be made, and the check of it.
 *
 * Everything is checked before anything is allocated. The boot text is encoded here too, because
 * whether the arguments and settings fit is known only after encoding.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import type { DiskUnit } from "../devices/disk.ts";
import { CONSTANTS, LAYOUT, REGISTERS } from "./abi.ts";
import { VmError } from "./errors.ts";
import type { Image } from "./image.ts";
import type { Resources } from "./resources.ts";

/** The IPv4 configuration of a VM's NIC. Addresses are uint32 in host order: 10.0.0.1 = 0x0a000001. */
export interface NetworkSpec {
  readonly address: number;
  readonly netmask: number;
  /** 0: none. */
  readonly gateway: number;
  /** 0: none. */
  readonly dns: number;
  /** Largest IP packet in bytes, 576..1500; default 1500. */
  readonly mtu?: number;
}

export interface VmSpec {
  /** 1..2^24-1; default: the lowest number above all that were ever given out. */
  readonly id?: number;
  /** 1..63 bytes of UTF-8 without NUL. */
  readonly name: string;
  readonly image: Image;
  /** Bytes, a multiple of 4096, 1 MiB..1 GiB. */
  readonly memory: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Without it the VM has no NIC. */
  readonly network?: NetworkSpec;
  /** At most DISK_MAXIMUM, with different names; as the guest numbers them. */
  readonly disks?: readonly DiskUnit[];
  /** Default: the usual share, and no limits. */
  readonly resources?: Resources;
}

/** Largest VM number: it must fit the last three bytes of the MAC address. */
export const VM_ID_MAXIMUM = (1 << 24) - 1;
export const MTU_MINIMUM = 576;
export const MTU_MAXIMUM = 1500;

/** The strings of a VmSpec as the guest sees them. */
export interface BootText {
  /** UTF-8, without the final NUL. */
  readonly name: Uint8Array;
  readonly argumentCount: number;
  readonly settingCount: number;
  /** NUL-terminated strings: the arguments, then the settings. */
  readonly text: Uint8Array;
}

const encoder = new TextEncoder();

/** Checks a specification and encodes its strings. Throws a VmError that names the field. */
export function checkSpec(spec: VmSpec): BootText {
  if (spec.id !== undefined) checkInteger("id", spec.id, 1, VM_ID_MAXIMUM);
  checkMemory(spec);
  if (spec.network) checkNetwork(spec.network);
  checkDisks(spec.disks ?? []);
  return bootText(spec);
}

function checkInteger(field: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new VmError(field, `expected an integer ${low}..${high}, got ${value}`);
}

function checkMemory({ memory, image }: VmSpec): void {
  checkInteger("memory", memory, LAYOUT.MEMORY_MINIMUM.value, LAYOUT.MEMORY_MAXIMUM.value);
  if (memory % PAGE_SIZE !== 0) {
    throw new VmError("memory", `expected a multiple of ${PAGE_SIZE} bytes, got ${memory}`);
  }
  // One page above the image is the least a stack can live in.
  const needed = image.end + PAGE_SIZE;
  if (memory < needed) {
    throw new VmError(
      "memory",
      `expected at least ${needed} bytes for image ${image.name} and a stack, ` +
        `got ${memory}: give the VM more memory`,
    );
  }
}

function checkNetwork(network: NetworkSpec): void {
  for (const field of ["address", "netmask", "gateway", "dns"] as const) {
    checkInteger(`network.${field}`, network[field], 0, 0xffffffff);
  }
  checkInteger("network.address", network.address, 1, 0xffffffff);
  if (network.mtu !== undefined) {
    checkInteger("network.mtu", network.mtu, MTU_MINIMUM, MTU_MAXIMUM);
  }
}

function checkDisks(disks: readonly DiskUnit[]): void {
  const { DISK_MAXIMUM, DISK_NAME_BYTES } = CONSTANTS;
  if (disks.length > DISK_MAXIMUM.value) {
    throw new VmError("disks", `expected at most ${DISK_MAXIMUM.value}, got ${disks.length}`);
  }
  disks.forEach(({ name, blocks, handle }, index) => {
    const field = `disks[${index}]`;
    if (!/^[!-~]+$/.test(name) || name.length >= DISK_NAME_BYTES.value) {
      const most = DISK_NAME_BYTES.value - 1;
      throw new VmError(field, `expected a name of 1..${most} ASCII characters, got ${name}`);
    }
    if (disks.findIndex((other) => other.name === name) !== index) {
      throw new VmError(field, `expected different names, got ${name} twice`);
    }
    checkInteger(`${field}.blocks`, blocks, 1, 0xffffffff);
    checkInteger(`${field}.handle`, handle, 0, 0x7fffffff);
  });
}

function bootText(spec: VmSpec): BootText {
  const nameBytes = encoder.encode(spec.name);
  checkNul("name", spec.name);
  if (nameBytes.length < 1 || nameBytes.length >= REGISTERS.vm_name.size) {
    throw new VmError(
      "name",
      `expected 1..${REGISTERS.vm_name.size - 1} bytes of UTF-8, got ${nameBytes.length}`,
    );
  }
  const strings = [...(spec.args ?? [])];
  strings.forEach((text, index) => checkNul(`args[${index}]`, text));
  const env = Object.entries(spec.env ?? {});
  for (const [key, value] of env) {
    if (key === "" || key.includes("=")) {
      throw new VmError("env", `expected a key without "=", got ${JSON.stringify(key)}`);
    }
    checkNul(`env.${key}`, key + value);
    strings.push(`${key}=${value}`);
  }
  const text = encoder.encode(strings.map((string) => string + "\0").join(""));
  if (text.length > LAYOUT.BOOT_TEXT_BYTES.value) {
    throw new VmError(
      "args",
      `expected at most ${LAYOUT.BOOT_TEXT_BYTES.value} bytes of args and env, ` +
        `got ${text.length}: pass less`,
    );
  }
  return {
    name: nameBytes,
    argumentCount: strings.length - env.length,
    settingCount: env.length,
    text,
  };
}

function checkNul(field: string, text: string): void {
  if (text.includes("\0")) throw new VmError(field, "expected text without NUL, got one with it");
}
