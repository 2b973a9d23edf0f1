/** Puts one segment of a connection on the link. */
import { OFFLOAD_PARTIAL } from "../../devices/offload.ts";
import type { FrameBuilder } from "./ethernet.ts";
import { IPPROTO_TCP, IPV4_PAYLOAD, sendIpv4, writeIpv4 } from "./ipv4.ts";
import type { TcpConnection } from "./tcp_connection.ts";
import { announceWindow } from "./tcp_output.ts";
import {
  leaveSegment,
  SACK_BLOCKS,
  sealSegment,
  TCP_ACK,
  TCP_RST,
  writeSegment,
} from "./tcp_segment.ts";

const blocks = new Int32Array(2 * SACK_BLOCKS);

/** `length` bytes come from `offset` in the send buffer. False: the link had no room. */
export function transmitSegment(
  frame: FrameBuilder,
  c: TcpConnection,
  flags: number,
  sequence: number,
  offset: number,
  length: number,
): boolean {
  const window = (flags & TCP_RST) !== 0 ? 0 : announceWindow(c);
  const scale = !c.passive || c.sendScale > 0 || c.receiveScale > 0 ? c.receiveScale : -1;
  // A segment with data has no room for them: its payload is as large as the link takes.
  const tells = c.selective && flags === TCP_ACK && length === 0 && c.receive.holes;
  const header = writeSegment(
    frame,
    IPV4_PAYLOAD,
    c.localPort,
    c.remotePort,
    sequence,
    (flags & TCP_ACK) !== 0 ? c.receiveNext : 0,
    flags,
    window,
    scale,
    c.selective || !c.passive,
    blocks,
    tells ? c.receive.blocks(blocks) : 0,
  );
  if (length > 0) c.send.copyTo(frame.bytes, IPV4_PAYLOAD + header, offset, length);
  writeIpv4(frame, c.localAddress, c.remoteAddress, IPPROTO_TCP, header + length);
  let offload = 0;
  if (frame.offload) {
    leaveSegment(frame, IPV4_PAYLOAD, header + length);
    offload = OFFLOAD_PARTIAL | (length > c.mss ? c.mss : 0);
  } else sealSegment(frame, IPV4_PAYLOAD, header + length);
  return sendIpv4(frame, c.neighbour.mac, header + length, offload);
}
