/** DHCP messages (RFC 2131) of VM 1 and of a server, as frames. */

export const REQUEST = 3, ACK = 5, NAK = 6, OFFER = 2;
export const VM = [2, 0x44, 0x4e, 0, 0, 1], SERVER = [2, 0, 0, 0, 0, 9];

export interface Message {
  readonly type: number;
  readonly xid?: number;
  readonly chaddr?: number[];
  readonly yiaddr?: number[];
  readonly options?: number[];
}

/** A DHCP message of the VM or of a server, in UDP in IPv4 in Ethernet, without checksums. */
export function dhcp(
  { type, xid = 0xcafe0001, chaddr = VM, yiaddr = [0, 0, 0, 0], options }: Message,
) {
  const client = type === REQUEST;
  const frame = new Uint8Array(14 + 20 + 8 + 240 + 16);
  const view = new DataView(frame.buffer);
  frame.set([255, 255, 255, 255, 255, 255, ...client ? VM : SERVER, 8, 0, 0x45]);
  view.setUint16(16, frame.length - 14);
  view.setUint8(23, 17);
  frame.set([...client ? [0, 0, 0, 0] : [192, 168, 7, 1], 255, 255, 255, 255], 26);
  view.setUint16(34, client ? 68 : 67);
  view.setUint16(36, client ? 67 : 68);
  view.setUint16(38, frame.length - 34);
  frame.set([client ? 1 : 2, 1, 6, 0], 42);
  view.setUint32(46, xid);
  frame.set(yiaddr, 58);
  frame.set(chaddr, 70);
  view.setUint32(42 + 236, 0x63825363);
  frame.set(options ?? [0, 0, 12, 2, 65, 66, 53, 1, type, 255], 42 + 240);
  return frame;
}
