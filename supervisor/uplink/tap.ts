/**
 * A TAP device of Linux: the file descriptor by which frames go to and come from the host's network
 * stack (Documentation/networking/tuntap.rst).
 *
 * Either somebody has prepared the device for this user, or it is made here, which takes
 * CAP_NET_ADMIN; then it is also set up here, and Linux removes it when the descriptor is closed.
 *
 * Each frame is preceded by a virtio_net_hdr of 10 bytes (devices/virtio_header.ts). With offload, the
 * host's stack hands over TCP segments of up to 64 KiB and leaves out checksums, and takes the same;
 * without, the header of every frame it hands over is zero.
 */

import { VIRTIO_HEADER_BYTES } from "../../devices/virtio_header.ts";
import { formatAddress } from "../gateway/ipv4.ts";
import { ifreq, Interfaces, SystemError } from "./interfaces.ts";
import {
  EACCES,
  EBUSY,
  EINVAL,
  ENODEV,
  ENOENT,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  errno,
  errnoName,
  type Libc,
} from "./libc.ts";

const O_RDWR = 2, O_NONBLOCK = 0o4000, O_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = O_NONBLOCK, EFD_CLOEXEC = O_CLOEXEC;
const TUNSETIFF = 0x400454can, TUNSETOFFLOAD = 0x400454d0n, TUNSETVNETHDRSZ = 0x400454d8n;
const IFF_TAP = 0x0002, IFF_NO_PI = 0x1000, IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 1n, TUN_F_TSO4 = 2n;
const POLLIN = 1, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32;
const TUN_PATH = "/dev/net/tun";

export interface TapOptions {
  readonly device: string;
  readonly bridge?: string;
  /** This host's end, if the device is made here and has no bridge (uint32). */
  readonly address: number;
  readonly netmask: number;
  readonly offload: boolean;
}

/** The device cannot be used; the message says what to do. */
export class TapError extends Error {}

export class TapDevice {
  readonly #libc: Libc;
  readonly #fd: number;
  /** Written to end a poll that is under way. */
  readonly #event: number;
  /** Two struct pollfd: descriptor, events, revents. */
  readonly #polled = new Int32Array(4);

  /** Throws a TapError. */
  static open(libc: Libc, options: TapOptions): TapDevice {
    const interfaces = new Interfaces(libc);
    try {
      const made = !interfaces.exists(options.device);
      const fd = attach(libc, options, made);
      try {
        setUp(interfaces, options, made);
      } catch (error) {
        libc.close(fd);
        throw error;
      }
      return new TapDevice(libc, fd);
    } finally {
      interfaces.close();
    }
  }

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#event = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    this.#polled.set([fd, POLLIN, this.#event, POLLIN]);
  }

  /** Takes the next frame with its header; the bytes of both, or -1 if none waits, or the device is gone: `wait` tells. */
  read(buffer: Uint8Array<ArrayBuffer>): number {
    return this.#libc.read(this.#fd, buffer, BigInt(buffer.length));
  }

  /** Puts a frame on the link: the first `length` bytes, its header among them. 0, or the errno of why not. */
  write(frame: Uint8Array<ArrayBuffer>, length: number): number {
    if (this.#libc.write(this.#fd, frame, BigInt(length)) >= 0) return 0;
    return errno(this.#libc);
  }

  /** Resolves when a frame waits, or after `wake`; to false if there is no device any more. */
  async wait(): Promise<boolean> {
    await this.#libc.poll(this.#polled, 2n, -1);
    return ((this.#polled[1] >> 16) & (POLLERR | POLLHUP | POLLNVAL)) === 0;
  }

  wake(): void {
    this.#libc.write(this.#event, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }

  /** No `wait` may be under way. */
  close(): void {
    this.#libc.close(this.#fd);
    this.#libc.close(this.#event);
  }
}

/** How a device of that name is in this network namespace; undefined: there is none. */
export function tapState(libc: Libc, device: string): "up" | "down" | undefined {
  const interfaces = new Interfaces(libc);
  try {
    if (!interfaces.exists(device)) return undefined;
    return interfaces.isUp(device) ? "up" : "down";
  } finally {
    interfaces.close();
  }
}

/** The IPv4 address of an interface, uint32; undefined: it has none, or does not exist. */
export function addressOfInterface(libc: Libc, name: string): number | undefined {
  const interfaces = new Interfaces(libc);
  try {
    return interfaces.exists(name) ? interfaces.address(name)?.address : undefined;
  } finally {
    interfaces.close();
  }
}

function attach(libc: Libc, options: TapOptions, made: boolean): number {
  const { device, offload } = options;
  const path = new TextEncoder().encode(`${TUN_PATH}\0`);
  const fd = libc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw new TapError(explainOpen(errno(libc)));
  const request = ifreq(device);
  request.setInt16(16, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, true);
  if (libc.ioctl(fd, TUNSETIFF, new Uint8Array(request.buffer)) < 0) {
    const code = errno(libc);
    libc.close(fd);
    throw new TapError(explainAttach(code, options, made, libc.getuid()));
  }
  // Whoever had a prepared device before may have left it another way.
  const headerBytes = new Uint8Array(Int32Array.of(VIRTIO_HEADER_BYTES).buffer);
  if (
    libc.ioctl(fd, TUNSETVNETHDRSZ, headerBytes) < 0 ||
    libc.ioctlValue(fd, TUNSETOFFLOAD, offload ? TUN_F_CSUM | TUN_F_TSO4 : 0n) < 0
  ) {
    const code = errno(libc);
    libc.close(fd);
    throw new TapError(`${device} takes no offload: ${errnoName(code)}; a newer Linux does`);
  }
  return fd;
}

function setUp(interfaces: Interfaces, options: TapOptions, made: boolean): void {
  const { device, bridge, address, netmask } = options;
  const step = (what: string, command: string, act: () => void) => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const why = error.errno === EPERM ? "that takes CAP_NET_ADMIN" : errnoName(error.errno);
      throw new TapError(`cannot ${what}: ${why}; as root: ${command}`);
    }
  };
  if (bridge !== undefined) joinBridge(interfaces, device, bridge);
  else if (made) {
    const host = `${formatAddress(address)}/${prefixOf(netmask)}`;
    step(
      `give ${device} the address ${host}`,
      `ip address add ${host} dev ${device}`,
      () => interfaces.setAddress(device, address, netmask),
    );
  } else checkAddress(interfaces, options);
  if (interfaces.isUp(device)) return;
  step(
    `set ${device} up`,
    `ip link set ${device} up`,
    () => interfaces.setUp(device),
  );
}

function joinBridge(interfaces: Interfaces, device: string, bridge: string): void {
  const command = `ip link set ${device} master ${bridge}`;
  try {
    interfaces.addToBridge(bridge, device);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // It is a port of a bridge already: whoever prepared it did so.
    if (error.errno === EBUSY) return;
    if (error.errno === ENODEV) {
      const command = `ip link add ${bridge} type bridge && ip link set ${bridge} up`;
      throw new TapError(`expected a bridge ${bridge}, there is none; as root: ${command}`);
    }
    const what = `cannot make ${device} a port of ${bridge}`;
    if (error.errno === EOPNOTSUPP || error.errno === EINVAL) {
      throw new TapError(`${what}: ${bridge} is not a bridge; name one (ip link show type bridge)`);
    }
    if (error.errno !== EPERM) throw new TapError(`${what}: ${errnoName(error.errno)}`);
    throw new TapError(
      `${what}: that takes CAP_NET_ADMIN; as root: ${command}, and leave out bridge= here`,
    );
  }
}

/** A prepared device may be a port of a bridge and have no address; but not a wrong one. */
function checkAddress(interfaces: Interfaces, { device, address, netmask }: TapOptions): void {
  const found = interfaces.address(device);
  if (found === undefined || found.address === address) return;
  const is = formatAddress(found.address), prefix = prefixOf(found.netmask);
  const wanted = `${formatAddress(address)}/${prefixOf(netmask)}`;
  throw new TapError(
    `expected ${device} to have the first address of the pool, ${wanted}, it has ${is}/${prefix}: ` +
      `use pool=${is}/${prefix}, or as root: ip address add ${wanted} dev ${device}`,
  );
}

function explainOpen(code: number): string {
  const problem = `${TUN_PATH} cannot be opened: ${errnoName(code)}`;
  if (code === ENOENT || code === ENODEV || code === ENXIO) {
    return `${problem}; load the tun module (as root: modprobe tun), or in a container pass the ` +
      `device in (docker run --device ${TUN_PATH})`;
  }
  if (code === EACCES || code === EPERM) {
    return `${problem}; let this user read and write it (as root: chmod 666 ${TUN_PATH})`;
  }
  return problem;
}

function explainAttach(
  code: number,
  { device, bridge, address, netmask }: TapOptions,
  made: boolean,
  user: number,
): string {
  if (code === EBUSY) {
    return `the TAP device ${device} is in use by another program; name another: --uplink tap:NAME`;
  }
  if (code === EINVAL) {
    return `${device} exists and is no TAP device for one queue; name another: --uplink tap:NAME, ` +
      `or as root: ip link delete ${device}`;
  }
  if (code !== EPERM && code !== EACCES) {
    return `the TAP device ${device} cannot be attached: ${errnoName(code)}`;
  }
  const last = bridge === undefined
    ? `ip address add ${formatAddress(address)}/${prefixOf(netmask)} dev ${device}`
    : `ip link set ${device} master ${bridge}`;
  const commands = [
    ...made ? [] : [`ip link delete ${device}`],
    `ip tuntap add dev ${device} mode tap user ${user}`,
    last,
    `ip link set ${device} up`,
  ];
  const why = made
    ? `there is no TAP device ${device}, and to make one takes CAP_NET_ADMIN`
    : `the TAP device ${device} belongs to another user`;
  return `${why}; prepare it once, as root:\n  ${commands.join("\n  ")}`;
}

function prefixOf(netmask: number): number {
  return Math.clz32(~netmask);
}
