/** Frames for tests, and a look at them that shares no code with what is tested: byte by byte, by RFC 1071. */

export interface SegmentOptions {
  readonly payload: Uint8Array;
  readonly source?: number;
  readonly destination?: number;
  readonly sequence?: number;
  readonly flags?: number;
  /** Bytes of options, multiples of 4. */
  readonly ipOptions?: number;
  readonly tcpOptions?: number;
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
}

const A = Uint8Array.of(2, 0, 0, 0, 0, 1), B = Uint8Array.of(2, 0, 0, 0, 0, 2);

function put(bytes: Uint8Array, at: number, value: number, size: number): void {
  for (let i = 0; i < size; i++) bytes[at + i] = value / 256 ** (size - 1 - i);
}

export function read(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i];
  return value;
}

/** The one's complement sum of 16-bit words, folded at every step (RFC 1071). */
export function onesComplementSum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    total += bytes[i] * 256 + (bytes[i + 1] ?? 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return total;
}

/** A TCP segment in IPv4 in Ethernet, with a right IPv4 checksum and nonsense for that of TCP. */
export function tcpFrame(options: SegmentOptions): Uint8Array {
  const { payload, ipOptions = 0, tcpOptions = 12 } = options;
  const ip = 20 + ipOptions, tcp = 20 + tcpOptions;
  const frame = new Uint8Array(14 + ip + tcp + payload.length);
  frame.set(options.to ?? B);
  frame.set(options.from ?? A, 6);
  put(frame, 12, 0x0800, 2);
  frame[14] = 0x40 | ip / 4;
  put(frame, 16, frame.length - 14, 2);
  put(frame, 18, 65_530, 2);
  put(frame, 20, 0x4000, 2);
  frame[22] = 64;
  frame[23] = 6;
  put(frame, 26, options.source ?? 0x0a000002, 4);
  put(frame, 30, options.destination ?? 0x0a000003, 4);
  frame.fill(1, 34, 14 + ip);
  put(frame, 24, 0xffff ^ onesComplementSum(frame.subarray(14, 14 + ip)), 2);
  const at = 14 + ip;
  put(frame, at, 40_000, 2);
  put(frame, at + 2, 80, 2);
  put(frame, at + 4, options.sequence ?? 0xfffffff0, 4);
  put(frame, at + 8, 12_345, 4);
  frame[at + 12] = tcp / 4 << 4;
  frame[at + 13] = options.flags ?? 0x19;
  put(frame, at + 14, 1000, 2);
  put(frame, at + 16, 0xbeef, 2);
  frame.fill(1, at + 20, at + tcp);
  frame.set(payload, at + tcp);
  return frame;
}

/** A UDP datagram in IPv4 in Ethernet; its checksum is nonsense. */
export function udpFrame(payload: Uint8Array): Uint8Array {
  const frame = tcpFrame({ payload: new Uint8Array(payload.length), tcpOptions: 0 }).slice(0, -12);
  put(frame, 16, frame.length - 14, 2);
  frame[23] = 17;
  put(frame, 24, 0, 2);
  put(frame, 24, 0xffff ^ onesComplementSum(frame.subarray(14, 34)), 2);
  put(frame, 38, 8 + payload.length, 2);
  frame.set(payload, 42);
  return frame;
}

/** Whether the checksums of IPv4 and of the transport in a frame are right. */
export function checksumsHold(frame: Uint8Array): boolean {
  const start = 14 + (frame[14] & 15) * 4;
  const end = 14 + read(frame, 16, 2);
  const transport = frame.subarray(start, end);
  const pseudo = new Uint8Array(12 + transport.length);
  pseudo.set(frame.subarray(26, 34));
  pseudo[9] = frame[23];
  put(pseudo, 10, transport.length, 2);
  pseudo.set(transport, 12);
  return onesComplementSum(frame.subarray(14, start)) === 0xffff &&
    onesComplementSum(pseudo) === 0xffff;
}

/** The fields of a TCP frame. */
export function tcpFields(frame: Uint8Array) {
  const start = 14 + (frame[14] & 15) * 4;
  const payload = start + (frame[start + 12] >> 4) * 4;
  return {
    identification: read(frame, 18, 2),
    source: read(frame, 26, 4),
    sequence: read(frame, start + 4, 4),
    flags: frame[start + 13],
    payload: frame.slice(payload, 14 + read(frame, 16, 2)),
  };
}
