/**
 * Main module of the uplink worker: moves frames between the supervisor's rings and a TAP device. Its
 * only permission is to call the C library; it runs no guest code, and of what VMs send it looks at
 * nothing.
 *
 * How it waits: a read that finds nothing costs half a microsecond, a call that may block costs some
 * twenty (Deno makes it on another thread). So while there is work it only reads and writes; when
 * both sides are empty it sleeps, on the bell of the ring by Atomics.waitAsync and on the device by one
 * poll(2) with no end, whichever comes first. A poll stays under way while the bell rings, and the
 * other way round, so that each costs something only when it has ended. Two threads that block, one for each direction,
 * would save the poll, and need a second writer for each cell's ring or one more thread to mix.
 *
 * Every second it looks how the device is. One that went away is taken up again when there is one of
 * that name.
 */

/// <reference lib="deno.worker" />

import { LARGE_FRAME_MAXIMUM } from "../../devices/frame.ts";
import { Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import {
  readVirtioHeader,
  VIRTIO_HEADER_BYTES,
  writeVirtioHeader,
} from "../../devices/virtio_header.ts";
import { FRAME } from "../cell/protocol.ts";
import {
  COUNTER_BYTE,
  UPLINK_BELL,
  UPLINK_COUNTERS,
  UPLINK_HOST_BELL,
  UPLINK_STOP,
  type UplinkCounters,
  type UplinkNotice,
  type UplinkStart,
  type UplinkState,
} from "./channel.ts";
import { EBADFD, EIO, type Libc, openLibc } from "./libc.ts";
import { addressOfInterface, TapDevice, TapError, tapState } from "./tap.ts";

/** Frames of one direction before the other gets its turn. */
const BATCH = 128;
/** Turns until the event loop gets one, for messages and the end of a poll. */
const TURNS = 64;
const LOOK_MS = 1000;
const BUFFER_BYTES = VIRTIO_HEADER_BYTES + LARGE_FRAME_MAXIMUM;
const ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_EXPERIMENT = 0x88b5;

class UplinkWorker {
  readonly #start: UplinkStart;
  readonly #libc: Libc;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #counters: Float64Array<SharedArrayBuffer>;
  readonly #counts = {} as UplinkCounters;
  readonly #bell: Doorbell;
  readonly #hostBell: Doorbell;
  readonly #toWire: RingReader;
  readonly #fromWire: RingWriter;
  /** A header and a frame, and the frame alone. */
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #frame = this.#buffer.subarray(VIRTIO_HEADER_BYTES);
  #device: TapDevice | null = null;
  #state: UplinkState | null = null;
  /** Ends the sleep that is under way. */
  #wake = () => {};
  #waitingBell = false;
  #polling: Promise<void> | null = null;

  constructor(start: UplinkStart) {
    this.#start = start;
    const { status, toWire, fromWire } = start.channel;
    this.#words = new Int32Array(status);
    this.#counters = new Float64Array(status, COUNTER_BYTE);
    for (const name of UPLINK_COUNTERS) this.#counts[name] = 0;
    this.#bell = new Doorbell(this.#words, UPLINK_BELL);
    this.#hostBell = new Doorbell(this.#words, UPLINK_HOST_BELL);
    this.#toWire = new RingReader(toWire);
    this.#fromWire = new RingWriter(fromWire);
    this.#libc = openLibc(start.libc);
  }

  async run(): Promise<void> {
    if (!this.#open()) return;
    const look = setInterval(() => this.#look(), LOOK_MS);
    for (let turn = 1; Atomics.load(this.#words, UPLINK_STOP) === 0; turn++) {
      const seen = this.#bell.value;
      const sent = this.#takeFromRing(), received = this.#takeFromDevice();
      if (received) this.#hostBell.ring();
      if (!sent && !received) await this.#sleep(seen);
      else if (turn % TURNS === 0) await new Promise<void>((next) => setImmediate(next));
    }
    clearInterval(look);
    await this.#closeDevice();
    this.#tell("stopped", "it was told to stop");
  }

  /** Attaches the device; false if it cannot be. */
  #open(): boolean {
    const { device, bridge } = this.#start;
    try {
      this.#device = TapDevice.open(this.#libc, this.#start);
    } catch (error) {
      if (!(error instanceof TapError)) throw error;
      this.#tell("failed", error.message);
      return false;
    }
    const bridgeAddress = bridge && addressOfInterface(this.#libc, bridge);
    this.#tell("up", `VMs are on the link of ${device}`, bridgeAddress || undefined);
    return true;
  }

  #tell(state: UplinkState, message: string, bridgeAddress?: number): void {
    if (this.#state === state) return;
    this.#state = state;
    const notice: UplinkNotice = { state, message, bridgeAddress };
    self.postMessage(notice);
  }

  /** Frames of VMs to the wire; whether there were any. */
  #takeFromRing(): boolean {
    const ring = this.#toWire;
    let n = 0;
    for (; n < BATCH && ring.next(); n++) {
      const { length, subject: offload } = ring;
      this.#frame.set(ring.payload());
      writeVirtioHeader(this.#buffer, this.#frame.subarray(0, length), offload);
      this.#write(length);
      ring.release();
    }
    if (n > 0) this.#publish();
    return n > 0;
  }

  #write(length: number): void {
    const counts = this.#counts;
    const error = this.#device === null
      ? EBADFD
      : this.#device.write(this.#buffer, VIRTIO_HEADER_BYTES + length);
    if (error === 0) {
      counts.framesOut++;
      counts.bytesOut += length;
      if (this.#state === "down") this.#tellUp(true);
      return;
    }
    counts.refused++;
    if (error === EIO) this.#tellUp(false);
  }

  #tellUp(up: boolean): void {
    const { device } = this.#start;
    if (up) this.#tell("up", `${device} is up again`);
    else this.#tell("down", `${device} is down: as root, ip link set ${device} up`);
  }

  /** Frames of the wire to the supervisor; whether there were any. */
  #takeFromDevice(): boolean {
    const device = this.#device;
    if (device === null) return false;
    const counts = this.#counts, buffer = this.#buffer;
    let n = 0;
    for (; n < BATCH; n++) {
      const length = device.read(buffer) - VIRTIO_HEADER_BYTES;
      if (length < 0) break;
      counts.framesIn++;
      counts.bytesIn += length;
      const frame = this.#frame.subarray(0, length);
      const offload = readVirtioHeader(buffer, frame);
      if (offload < 0) counts.malformed++;
      else if (!isForVms(frame)) counts.protocol++;
      else if (!this.#fromWire.write(FRAME, offload, 0, frame)) counts.overflow++;
    }
    if (n > 0) this.#publish();
    return n > 0;
  }

  #publish(): void {
    for (const [index, name] of UPLINK_COUNTERS.entries()) {
      this.#counters[index] = this.#counts[name];
    }
  }

  /** Until the bell is not `seen` any more, or the device has something. */
  async #sleep(seen: number): Promise<void> {
    const slept = new Promise<void>((resolve) => this.#wake = resolve);
    this.#polling ??= this.#device && this.#poll(this.#device);
    if (!this.#waitingBell) {
      const rung = this.#bell.waitAsync(seen);
      if (rung === undefined) return;
      this.#waitingBell = true;
      rung.then(() => {
        this.#waitingBell = false;
        this.#wake();
      });
    }
    this.#counts.sleeps++;
    await slept;
  }

  async #poll(device: TapDevice): Promise<void> {
    const there = await device.wait();
    this.#polling = null;
    if (!there && this.#device === device) {
      device.close();
      this.#device = null;
      const { device: name } = this.#start;
      this.#tell("gone", `there is no ${name} any more; it is taken up again when there is one`);
    }
    this.#wake();
  }

  #look(): void {
    const { device } = this.#start;
    // One that was moved to another namespace goes on, unseen.
    const state = tapState(this.#libc, device);
    if (state === undefined) return;
    if (this.#device !== null) return this.#tellUp(state === "up");
    try {
      this.#device = TapDevice.open(this.#libc, this.#start);
    } catch (error) {
      if (!(error instanceof TapError)) throw error;
      return;
    }
    this.#tell("up", `${device} is there again`);
    this.#wake();
  }

  async #closeDevice(): Promise<void> {
    const device = this.#device;
    if (device === null) return;
    device.wake();
    await this.#polling;
    if (this.#device === null) return;
    this.#device = null;
    device.close();
  }
}

/** Others would wake all VMs (IPv6 multicasts), or could carry an address that nobody checks (VLAN tags). */
function isForVms(frame: Uint8Array): boolean {
  const type = (frame[12] << 8) | frame[13];
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_ARP || type === ETHERTYPE_EXPERIMENT;
}

self.onmessage = async ({ data }: MessageEvent<UplinkStart>) => {
  await new UplinkWorker(data).run();
  self.close();
};
