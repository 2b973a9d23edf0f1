/** What the gateway counts. */

import type { TcpStats } from "./tcp_connection.ts";

export interface GatewayDrops {
  malformed: number;
  checksum: number;
  /** Datagrams of which some fragments came, and not all or not the right ones. */
  fragment: number;
  /** Frames for another MAC, or packets for an address we do not answer for. */
  notForUs: number;
  protocol: number;
}

export interface GatewayStats {
  framesIn: number;
  framesOut: number;
  /** Frames that the link had no room for. */
  framesRefused: number;
  drops: GatewayDrops;
  neighbours: number;
  connections: number;
  timeWait: number;
  /** Bytes that arrived and no reader has taken yet. */
  unread: number;
  /** Bytes of fragments whose datagram is not complete. */
  reassembling: number;
  /** Of datagrams: see openFlow. */
  flows: number;
  timers: number;
  echoes: number;
  icmpErrors: number;
  tcp: TcpStats;
}
