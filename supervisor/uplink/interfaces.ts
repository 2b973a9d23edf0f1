/** Looks at network interfaces and sets them up, as `ip` does: by ioctl (netdevice(7)). */

import { EADDRNOTAVAIL, errno, type Libc } from "./libc.ts";

const AF_INET = 2, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914, SIOCGIFADDR = 0x8915, SIOCSIFADDR = 0x8916;
const SIOCGIFNETMASK = 0x891b, SIOCSIFNETMASK = 0x891c, SIOCGIFMTU = 0x8921;
const SIOCGIFINDEX = 0x8933, SIOCBRADDIF = 0x89a2;
const IFF_UP = 1;
/** struct ifreq: a name of 16 bytes, then a union of 24. */
const IFREQ_BYTES = 40, IFREQ_UNION = 16;
/** In the union, a sockaddr_in: family, port, address. */
const SOCKADDR_FAMILY = 16, SOCKADDR_ADDRESS = 20;

/** A system call that failed. */
export class SystemError extends Error {
  constructor(readonly call: string, readonly errno: number) {
    super(`${call} failed with errno ${errno}`);
  }
}

/** A struct ifreq for an interface. */
export function ifreq(name: string): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(IFREQ_BYTES);
  bytes.set(new TextEncoder().encode(name).subarray(0, IFREQ_UNION - 1));
  return new DataView(bytes.buffer);
}

/** All methods throw a SystemError. */
export class Interfaces {
  readonly #libc: Libc;
  readonly #socket: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#socket = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#socket < 0) throw new SystemError("socket", errno(libc));
  }

  close(): void {
    this.#libc.close(this.#socket);
  }

  exists(name: string): boolean {
    try {
      return this.index(name) > 0;
    } catch {
      return false;
    }
  }

  index(name: string): number {
    return this.#call("SIOCGIFINDEX", SIOCGIFINDEX, ifreq(name)).getInt32(IFREQ_UNION, true);
  }

  mtu(name: string): number {
    return this.#call("SIOCGIFMTU", SIOCGIFMTU, ifreq(name)).getInt32(IFREQ_UNION, true);
  }

  isUp(name: string): boolean {
    return (this.#flags(name) & IFF_UP) !== 0;
  }

  setUp(name: string): void {
    const request = ifreq(name);
    request.setInt16(IFREQ_UNION, this.#flags(name) | IFF_UP, true);
    this.#call("SIOCSIFFLAGS", SIOCSIFFLAGS, request);
  }

  /** IPv4 address and netmask, uint32; undefined: it has none. */
  address(name: string): { address: number; netmask: number } | undefined {
    try {
      const read = (request: number) =>
        this.#call("SIOCGIFADDR", request, ifreq(name)).getUint32(SOCKADDR_ADDRESS);
      return { address: read(SIOCGIFADDR), netmask: read(SIOCGIFNETMASK) };
    } catch (error) {
      if (error instanceof SystemError && error.errno === EADDRNOTAVAIL) return undefined;
      throw error;
    }
  }

  setAddress(name: string, address: number, netmask: number): void {
    const set = (call: string, request: number, value: number) => {
      const view = ifreq(name);
      view.setUint16(SOCKADDR_FAMILY, AF_INET, true);
      view.setUint32(SOCKADDR_ADDRESS, value);
      this.#call(call, request, view);
    };
    set("SIOCSIFADDR", SIOCSIFADDR, address);
    set("SIOCSIFNETMASK", SIOCSIFNETMASK, netmask);
  }

  addToBridge(bridge: string, name: string): void {
    const request = ifreq(bridge);
    request.setInt32(IFREQ_UNION, this.index(name), true);
    this.#call("SIOCBRADDIF", SIOCBRADDIF, request);
  }

  #flags(name: string): number {
    return this.#call("SIOCGIFFLAGS", SIOCGIFFLAGS, ifreq(name)).getInt16(IFREQ_UNION, true);
  }

  #call(name: string, request: number, argument: DataView<ArrayBuffer>): DataView<ArrayBuffer> {
    const bytes = new Uint8Array(argument.buffer);
    if (this.#libc.ioctl(this.#socket, BigInt(request), bytes) < 0) {
      throw new SystemError(name, errno(this.#libc));
    }
    return argument;
  }
}
