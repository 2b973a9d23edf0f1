/** The answer to a segment that belongs to no connection: RST (RFC 9293 section 3.10.7.1). */
import type { FrameBuilder } from "./ethernet.ts";
import { IPPROTO_TCP, IPV4_PAYLOAD, type Ipv4Packet, sendIpv4, writeIpv4 } from "./ipv4.ts";
import {
  sealSegment,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER,
  TCP_RST,
  TCP_SYN,
  writeSegment,
} from "./tcp_segment.ts";

/** Sends it to `mac`, from the address that the segment was for. The segment must not be an RST. */
export function refuseSegment(
  frame: FrameBuilder,
  mac: Uint8Array,
  packet: Ipv4Packet,
  segment: Segment,
): void {
  const { flags, length } = segment;
  const acknowledged = (flags & TCP_ACK) !== 0;
  const occupied = length + (flags & TCP_FIN) + ((flags & TCP_SYN) >> 1);
  writeSegment(
    frame,
    IPV4_PAYLOAD,
    segment.destinationPort,
    segment.sourcePort,
    acknowledged ? segment.acknowledgment : 0,
    acknowledged ? 0 : (segment.sequence + occupied) | 0,
    acknowledged ? TCP_RST : TCP_RST | TCP_ACK,
    0,
    -1,
  );
  writeIpv4(frame, packet.destination, packet.source, IPPROTO_TCP, TCP_HEADER);
  sealSegment(frame, IPV4_PAYLOAD, TCP_HEADER);
  sendIpv4(frame, mac, TCP_HEADER);
}
