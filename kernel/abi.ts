/**
 * The Denali ABI: everything a guest may rely on, in one file.
 *
 * The C header `ilwaco/include/denali.h` is generated from it (`deno task abi`), and a test fails when
 * that file is stale. The ABI is versioned and append-only: a field, port or bit never moves and is
 * never reused; what is new gets a feature bit.
 *
 * A virtual machine is not a PC:
 *
 *     0x00000000  never mapped: a null pointer faults
 *     0x00001000  the virtual registers, one page, shared by VM and kernel
 *     0x00002000  free for the image's segments (Ilwaco links at 0x10000)
 *     memory_size everything from here up faults
 *
 * At start EIP is the image's entry point, ESP is memory_size, all other registers are 0 and
 * interrupts are disabled. The processor is a user-level i686 with x87, MMX, SSE and SSE2 in a flat
 * address space.
 *
 * Devices are driven by port I/O, one instruction per operation. A buffer goes to a device by
 * `rep outsb` (DX port, ESI buffer, ECX bytes) and comes from one by `rep insb` (DX port, EDI
 * buffer, ECX capacity). As on real hardware the instruction leaves ESI or EDI behind what was
 * moved and ECX at what was not; that is the result of the operation. Nothing else on these ports
 * is defined: an access to an unknown port, or of a wrong kind, width or length, or with the direction
 * flag set, raises #GP in the VM and has no effect. Further:
 * - Without REP, outsb and insb move at most one byte and leave ECX alone.
 * - A buffer that cannot be reached raises #PF at its first bad byte. What lies before it has then been
 *   written to the console, with ESI and ECX behind it; every other operation has had no effect.
 * - An interrupt may be delivered in the middle of a long console write, as with any REP instruction.
 * - A 16-bit address size, and FS or GS before outsb, raise #GP; other segment prefixes mean nothing.
 */

/** Version of this ABI. */
export const ABI_VERSION = 1;

/** One constant of the ABI: its value and what it means. */
export interface AbiConstant {
  readonly value: number;
  readonly doc: string;
}

/** One field of the virtual register page. `size` in bytes; `access` is what the guest does with it. */
export interface AbiRegister {
  readonly offset: number;
  readonly size: 4 | 8 | 6 | 2 | 64 | 256 | 3568;
  readonly access: "read" | "write" | "both";
  readonly doc: string;
}

/** Where things lie in a VM's memory. */
export const LAYOUT = {
  REGISTERS_BASE: { value: 0x1000, doc: "address of the virtual register page" },
  IMAGE_MINIMUM: { value: 0x2000, doc: "lowest address an image segment may have" },
  MEMORY_MINIMUM: { value: 1 << 20, doc: "smallest memory of a VM, bytes" },
  MEMORY_MAXIMUM: { value: 1 << 30, doc: "largest memory of a VM, bytes" },
  BOOT_TEXT_BYTES: { value: 3568, doc: "room for boot arguments and settings, NULs included" },
} as const satisfies Record<string, AbiConstant>;

/**
 * The virtual registers. Little endian. Times are refreshed whenever the VM is scheduled and by a
 * write to PORT_CLOCK; between that, `tsc_at_refresh`, `cpu_khz` and RDTSC interpolate.
 *
 * `deadline_us` is a timer that costs no call of the kernel. It is looked at when the VM is scheduled
 * and when it idles; when it has come, it is all ones again. The timer of PORT_TIMER_ONESHOT is another.
 */
export const REGISTERS = {
  abi_version: { offset: 0x000, size: 4, access: "read", doc: "ABI_VERSION" },
  features: { offset: 0x004, size: 4, access: "read", doc: "FEATURE_ bits" },
  vm_id: { offset: 0x008, size: 4, access: "read", doc: "number of this VM, from 1" },
  cpu_khz: { offset: 0x00c, size: 4, access: "read", doc: "RDTSC ticks per millisecond" },
  memory_size: { offset: 0x010, size: 4, access: "read", doc: "bytes of memory" },
  monotonic_us: {
    offset: 0x018,
    size: 8,
    access: "read",
    doc: "microseconds since the VM started",
  },
  wallclock_us: {
    offset: 0x020,
    size: 8,
    access: "read",
    doc: "microseconds since 1970-01-01 UTC",
  },
  tsc_at_refresh: {
    offset: 0x028,
    size: 8,
    access: "read",
    doc: "RDTSC when the two times above were written",
  },
  deadline_us: {
    offset: 0x030,
    size: 8,
    access: "both",
    doc: "INTERRUPT_TIMER comes, and idle ends, at this time of monotonic_us; all ones: never",
  },
  interrupt_enable: {
    offset: 0x040,
    size: 4,
    access: "both",
    doc: "0: interrupts wait; 1: they are delivered when the VM is next scheduled",
  },
  interrupt_pending: {
    offset: 0x044,
    size: 4,
    access: "both",
    doc: "INTERRUPT_ bits that have come; the guest clears what it has handled",
  },
  interrupt_handler: {
    offset: 0x048,
    size: 4,
    access: "write",
    doc: "address of the interrupt upcall, 0: none",
  },
  exception_handler: {
    offset: 0x04c,
    size: 4,
    access: "write",
    doc: "address of the exception upcall, 0: an exception ends the VM with a crash report",
  },
  exception_vector: { offset: 0x050, size: 4, access: "read", doc: "last exception: x86 vector" },
  exception_error: { offset: 0x054, size: 4, access: "read", doc: "last exception: error code" },
  exception_address: {
    offset: 0x058,
    size: 4,
    access: "read",
    doc: "last #PF: the address that faulted (as CR2)",
  },
  nic_mac: { offset: 0x080, size: 6, access: "read", doc: "MAC address" },
  nic_mtu: { offset: 0x086, size: 2, access: "read", doc: "largest IP packet, bytes" },
  nic_address: { offset: 0x088, size: 4, access: "read", doc: "IPv4 address, network byte order" },
  nic_netmask: { offset: 0x08c, size: 4, access: "read", doc: "IPv4 netmask, network byte order" },
  nic_gateway: { offset: 0x090, size: 4, access: "read", doc: "IPv4 gateway, or 0" },
  nic_dns: { offset: 0x094, size: 4, access: "read", doc: "IPv4 address of a DNS server, or 0" },
  vm_name: {
    offset: 0x0c0,
    size: 64,
    access: "read",
    doc: "name of this VM, UTF-8, NUL-terminated",
  },
  disk_table: {
    offset: 0x100,
    size: 256,
    access: "read",
    doc: "DISK_MAXIMUM entries, struct denali_disk; the first that is all zero ends them",
  },
  argument_count: {
    offset: 0x200,
    size: 4,
    access: "read",
    doc: "number of boot arguments (argv[1] ...) at the start of boot_text",
  },
  setting_count: {
    offset: 0x204,
    size: 4,
    access: "read",
    doc: "number of KEY=VALUE settings that follow the arguments in boot_text",
  },
  boot_text: {
    offset: 0x210,
    size: 3568,
    access: "read",
    doc: "NUL-terminated strings: the boot arguments, then the settings",
  },
} as const satisfies Record<string, AbiRegister>;

/** Bits of `features`. */
export const FEATURES = {
  FEATURE_CONSOLE: { value: 1 << 0, doc: "console and keyboard" },
  FEATURE_TIMER: { value: 1 << 1, doc: "timer" },
  FEATURE_NIC: { value: 1 << 2, doc: "network interface" },
  FEATURE_DISK: { value: 1 << 3, doc: "disks: see disk_table and PORT_DISK_SUBMIT" },
  FEATURE_NIC_RINGS: { value: 1 << 4, doc: "rings of frames: see PORT_NIC_RING_SEND" },
  FEATURE_NIC_OFFLOAD: {
    value: 1 << 5,
    doc: "frames in rings may leave checksums and segmentation to others: see PORT_NIC_OFFLOAD",
  },
  FEATURE_MEMORY_DISCARD: {
    value: 1 << 6,
    doc: "pages can be given back: see PORT_MEMORY_DISCARD",
  },
  FEATURE_NIC_REGISTERS: {
    value: 1 << 8,
    doc: "the network interface is driven by registers: see PORT_NIC_COMMAND",
  },
} as const satisfies Record<string, AbiConstant>;

/** Bits of `interrupt_pending`. */
export const INTERRUPTS = {
  INTERRUPT_TIMER: { value: 1 << 0, doc: "the timer has expired" },
  INTERRUPT_KEYBOARD: { value: 1 << 1, doc: "input has come, or the input was closed" },
  INTERRUPT_NIC_RECEIVE: { value: 1 << 2, doc: "a frame has come" },
  INTERRUPT_NIC_TRANSMIT: { value: 1 << 3, doc: "there is room again after a send was refused" },
  INTERRUPT_DISK: { value: 1 << 4, doc: "disk requests have ended; may also come without" },
  INTERRUPT_SHUTDOWN: { value: 1 << 5, doc: "the operator asks the guest to end" },
} as const satisfies Record<string, AbiConstant>;

/** I/O ports. */
export const PORTS = {
  PORT_THREAD_POINTER: { value: 0x08, doc: "out eax: base address of %gs" },
  PORT_THREAD_POINTER_FS: { value: 0x09, doc: "out eax: base address of %fs" },
  PORT_CLOCK: { value: 0x0c, doc: "out eax (any value): refresh the time registers" },
  PORT_CONSOLE_WRITE: { value: 0x10, doc: "rep outsb: write a buffer to the console" },
  PORT_KEYBOARD_READ: { value: 0x18, doc: "rep insb: take up to ECX bytes of input" },
  PORT_KEYBOARD_STATUS: {
    value: 0x19,
    doc: "in eax: bytes of input waiting; KEYBOARD_CLOSED is set when no more will come",
  },
  PORT_TIMER_ONESHOT: {
    value: 0x20,
    doc: "out eax: interrupt once in EAX microseconds; 0 disarms; replaces the timer's setting",
  },
  PORT_TIMER_PERIODIC: {
    value: 0x21,
    doc: "out eax: interrupt every EAX microseconds; 0 disarms; replaces the timer's setting",
  },
  PORT_NIC_SEND: {
    value: 0x30,
    doc:
      "rep outsb: send one frame of ECX bytes (14..NIC_FRAME_MAXIMUM); ECX is 0 if it was taken, " +
      "unchanged if the send queue is full",
  },
  PORT_NIC_RECEIVE: {
    value: 0x31,
    doc: "rep insb: take one frame; what exceeds ECX bytes is cut off; ECX unchanged: none waits",
  },
  PORT_NIC_STATUS: { value: 0x32, doc: "in eax: number of frames waiting" },
  PORT_NIC_RING_SEND: {
    value: 0x34,
    doc:
      "with FEATURE_NIC_RINGS: out eax: send the frames of the struct denali_nic_ring at EAX; they are " +
      "not all taken if the send queue is full",
  },
  PORT_NIC_RING_RECEIVE: {
    value: 0x35,
    doc: "... out eax: take frames that wait into the buffers of the ring at EAX",
  },
  PORT_NIC_OFFLOAD: {
    value: 0x36,
    doc:
      "with FEATURE_NIC_OFFLOAD: out eax: NIC_OFFLOAD_ bits: what frames may come with, 0 at first",
  },
  PORT_NIC_COMMAND: {
    value: 0x38,
    doc: "with FEATURE_NIC_REGISTERS: out eax: NIC_COMMAND_; what they do is told in abi.ts",
  },
  PORT_NIC_FLAGS: {
    value: 0x39,
    doc: "... in eax: NIC_FLAG_ bits; out eax: clears NIC_FLAG_MOVED",
  },
  PORT_NIC_ADDRESS_LOW: { value: 0x3a, doc: "... out eax: address in the card, low byte" },
  PORT_NIC_ADDRESS_HIGH: { value: 0x3b, doc: "... out eax: address in the card, high byte" },
  PORT_NIC_COUNT_LOW: { value: 0x3c, doc: "... bytes to move, low byte; in: of the next frame" },
  PORT_NIC_COUNT_HIGH: { value: 0x3d, doc: "... bytes to move, high byte; in: of the next frame" },
  PORT_NIC_DATA: { value: 0x3e, doc: "... rep outsb, rep insb: moves the bytes" },
  PORT_NIC_PAGE: {
    value: 0x3f,
    doc: "... in eax: page of the next frame; out eax: gives the page back, with the frame in it",
  },
  PORT_MEMORY_DISCARD: {
    value: 0x28,
    doc:
      "rep outsb: gives back the pages that lie wholly in the buffer, which then reads as zeros; pages " +
      "of the image are left as they are, and others may be",
  },
  PORT_DISK_SUBMIT: {
    value: 0x40,
    doc:
      "rep outsb: struct denali_disk_request, one after another; ECX is what was not taken, because " +
      "DISK_QUEUE_REQUESTS are open",
  },
  PORT_DISK_COMPLETE: {
    value: 0x41,
    doc: "rep insb: takes struct denali_disk_completion; ECX is what was not filled: no more ended",
  },
} as const satisfies Record<string, AbiConstant>;

/*
 * Rings of frames (FEATURE_NIC_RINGS). A ring is a struct denali_nic_ring in the VM's memory with `size`
 * descriptors behind it, all aligned to 16 bytes. The guest fills descriptors and moves `tail`, an operation works
 * off what lies between `head` and `tail` and moves `head`; both count descriptors for ever, modulo 2^32, and
 * descriptor n is at place n modulo `size`. Nothing happens between operations, and the kernel keeps
 * nothing of a ring: it may be moved, and there may be many.
 *
 * A frame in a ring stands behind a struct virtio_net_hdr of NIC_HEADER_BYTES (virtio 1.2, 5.1.6).
 * - To send, a frame with its header is one descriptor, or up to NIC_PIECES_MAXIMUM of which all but the
 *   last have NIC_DESCRIPTOR_MORE. What is left between head and tail found no room: INTERRUPT_NIC_TRANSMIT
 *   tells when there is some. A frame whose header does not fit it is taken, dropped and counted.
 * - To receive, a descriptor is an empty buffer, which gets one frame with its header; `used` says how many
 *   bytes. A frame that its buffer is too small for stays. In the end `wanted` is what the next
 *   frame needs, header included, or 0 if none waits.
 * - An operation that does not reach a page stops before the frame concerned, with `head` telling
 *   what was done before, and raises #PF; begun again it goes on from there. So it does, and the VM may be
 *   interrupted meanwhile, after every NIC_RING_FRAMES frames.
 * - #GP: a ring that is not aligned, whose `size` is not a power of two up to NIC_RING_MAXIMUM or whose
 *   `tail` is more than `size` ahead of `head`; a frame of fewer than 14 bytes or more than it may have, or of which
 *   the last descriptor is missing.
 *
 * Offload (FEATURE_NIC_OFFLOAD), only in rings. A frame may be sent
 * - without the checksum of TCP or UDP in IPv4: VIRTIO_NET_HDR_F_NEEDS_CSUM, csum_start and csum_offset,
 *   with the sum of the pseudo header in its place. It is completed where it leaves for somebody who wants it;
 * - as a TCP segment of up to 65,535 bytes of IPv4 that stands for up to NIC_SEGMENTS_MAXIMUM with gso_size
 *   bytes of payload each: the same, VIRTIO_NET_HDR_GSO_TCPV4 and gso_size. It counts as the
 *   frames that it stands for.
 * Received frames are so only after PORT_NIC_OFFLOAD has asked for it; others have a header of zeros, or
 * VIRTIO_NET_HDR_F_DATA_VALID. Frames that waited when something else was asked for stay as they are.
 */

/*
 * Disks. A request names a disk by its place in disk_table, counted from 0, and moves `count` blocks of
 * DISK_BLOCK_BYTES from `block` on to or from `buffer`, which may lie anywhere in memory. It is performed while the VM runs
 * on or idles; INTERRUPT_DISK tells that some have ended, and PORT_DISK_COMPLETE takes what became
 * of them. A request is open from the moment it is taken until its completion is taken.
 *
 * - Requests may be performed and may end in any order. What a buffer holds is defined when its request has
 *   ended; until then a write may see later changes to it, and a read may write to it more than once.
 * - A flush (count 0) is a barrier: it ends with DISK_DONE when all writes that were taken before it and ended
 *   with DISK_DONE are on stable storage, where neither a killed process nor a loss of power undoes them. Nothing else is.
 * - A block is not written by halves unless power is lost while it is written.
 * - A request that is wrong (no such disk, block, operation or count; a write to a disk that is read-only)
 *   ends with a status that says so. A buffer that cannot be reached raises #PF at its first bad byte, and
 *   a length that is no multiple of the structure #GP; what lies before it has been taken then, with ESI and ECX behind it.
 * - After DISK_ERROR a write or flush may have left its blocks old, new, or mixed by block. When a flush has failed,
 *   every later write and flush of the disk fails until the VM is started again: what was in memory may be lost.
 */

/*
 * A NIC driven by registers (FEATURE_NIC_REGISTERS) has the protocol of the NE2000 and its kin
 * (National Semiconductor, DP8390D datasheet, 1995): a card with a memory of its own, into and out of
 * which each frame is moved, with a dozen accesses. It is there to be compared with; PORT_NIC_SEND and
 * PORT_NIC_RECEIVE raise #GP then. Accesses out of order raise #GP.
 *
 *     to receive: in FLAGS (RECEIVED), out COMMAND (PAGE_1), in PAGE, out COMMAND (PAGE_0), out ADDRESS_LOW,
 *                 out ADDRESS_HIGH, in COUNT_LOW, in COUNT_HIGH, out COMMAND (READ), rep insb DATA,
 *                 out FLAGS (MOVED), out PAGE
 *     to send:    in FLAGS (ROOM; without it INTERRUPT_NIC_TRANSMIT says when there is some), out COMMAND
 *                 (PAGE_0), out ADDRESS_LOW, out ADDRESS_HIGH, out COUNT_LOW, out COUNT_HIGH, out COMMAND
 *                 (WRITE), rep outsb DATA, in FLAGS (MOVED), out FLAGS (MOVED), out PAGE, out COMMAND (SEND)
 */

/** Other constants a guest needs. */
export const CONSTANTS = {
  NIC_COMMAND_PAGE_0: { value: 0, doc: "PORT_NIC_COMMAND: registers of page 0" },
  NIC_COMMAND_PAGE_1: {
    value: 1,
    doc: "PORT_NIC_COMMAND: registers of page 1: PORT_NIC_PAGE reads",
  },
  NIC_COMMAND_READ: { value: 2, doc: "PORT_NIC_COMMAND: the next frame is to be moved to the VM" },
  NIC_COMMAND_WRITE: { value: 3, doc: "PORT_NIC_COMMAND: COUNT bytes are to be moved to the card" },
  NIC_COMMAND_SEND: { value: 4, doc: "PORT_NIC_COMMAND: sends what was moved to the card" },
  NIC_FLAG_RECEIVED: { value: 1 << 0, doc: "PORT_NIC_FLAGS: a frame waits" },
  NIC_FLAG_ROOM: { value: 1 << 1, doc: "PORT_NIC_FLAGS: a frame may be sent" },
  NIC_FLAG_MOVED: { value: 1 << 6, doc: "PORT_NIC_FLAGS: what READ or WRITE began has been moved" },
  KEYBOARD_CLOSED: { value: 0x80000000, doc: "in PORT_KEYBOARD_STATUS: the input was closed" },
  NIC_HEADER_BYTES: { value: 10, doc: "bytes of the virtio_net_hdr before a frame in a ring" },
  NIC_RING_MAXIMUM: { value: 256, doc: "most descriptors of a ring" },
  NIC_RING_FRAMES: {
    value: 64,
    doc: "frames after which an operation on a ring may be interrupted",
  },
  NIC_PIECES_MAXIMUM: { value: 8, doc: "most descriptors of one frame" },
  NIC_SEGMENTS_MAXIMUM: { value: 128, doc: "most segments that one frame stands for" },
  NIC_DESCRIPTOR_MORE: { value: 1 << 0, doc: "flags: the next descriptor goes on with this frame" },
  NIC_OFFLOAD_CHECKSUM: { value: 1 << 0, doc: "PORT_NIC_OFFLOAD: frames without their checksum" },
  NIC_OFFLOAD_TCP: { value: 1 << 1, doc: "PORT_NIC_OFFLOAD: ... and large TCP segments" },
  NIC_FRAME_MAXIMUM: { value: 1514, doc: "bytes of the largest Ethernet frame, without FCS" },
  DISK_MAXIMUM: { value: 8, doc: "disks of a VM" },
  DISK_BLOCK_BYTES: { value: 4096, doc: "bytes of a block" },
  DISK_NAME_BYTES: { value: 24, doc: "bytes of a disk's name, the NUL included" },
  DISK_QUEUE_REQUESTS: { value: 64, doc: "requests of a VM that may be open" },
  DISK_REQUEST_BLOCKS: { value: 32, doc: "blocks that one request may move" },
  DISK_FLAG_READ_ONLY: { value: 1 << 0, doc: "disk_table: writes are refused" },
  DISK_READ: { value: 0, doc: "operation: disk to buffer" },
  DISK_WRITE: { value: 1, doc: "operation: buffer to disk" },
  DISK_FLUSH: { value: 2, doc: "operation: what was written is to be on stable storage" },
  DISK_DONE: { value: 0, doc: "status: all was done" },
  DISK_ERROR: { value: 1, doc: "status: the host's file failed" },
  DISK_FULL: { value: 2, doc: "status: the host has no room for what was to be written" },
  DISK_READ_ONLY: { value: 3, doc: "status: a write to a disk that is read-only" },
  DISK_INVALID: { value: 4, doc: "status: no such operation, block or count" },
  DISK_ABSENT: { value: 5, doc: "status: no such disk" },
  IDLE_FOREVER: { value: 0xffffffff, doc: "idle-with-timeout: no timeout" },
  CODE_SELECTOR: { value: 0x23, doc: "CS in an upcall frame" },
  DATA_SELECTOR: { value: 0x2b, doc: "what DS, ES and SS hold" },
} as const satisfies Record<string, AbiConstant>;

/** A structure in memory: fields in order, 4 bytes each unless `bytes` says otherwise. */
export interface AbiStructure {
  readonly doc: string;
  readonly bytes: number;
  readonly fields: Readonly<Record<string, { readonly bytes?: number; readonly doc: string }>>;
}

/** Structures that VM and kernel exchange. */
export const STRUCTURES = {
  nic_ring: {
    doc: "PORT_NIC_RING_SEND, PORT_NIC_RING_RECEIVE; its descriptors follow",
    bytes: 16,
    fields: {
      size: { doc: "descriptors, a power of two; set by the guest" },
      tail: { doc: "descriptors that the guest has filled" },
      head: { doc: "descriptors that were worked off; set by the kernel" },
      wanted: { doc: "receiving: bytes of the next frame, or 0; set by the kernel" },
    },
  },
  nic_descriptor: {
    doc: "a frame or a piece of one",
    bytes: 16,
    fields: {
      address: { doc: "of any alignment" },
      length: { doc: "bytes to send, or room" },
      flags: { doc: "NIC_DESCRIPTOR_ bits" },
      used: { doc: "bytes received; set by the kernel" },
    },
  },
  disk: {
    doc: "an entry of disk_table",
    bytes: 32,
    fields: {
      blocks: { doc: "of DISK_BLOCK_BYTES" },
      flags: { doc: "DISK_FLAG_ bits" },
      name: { bytes: 24, doc: "ASCII, NUL-terminated" },
    },
  },
  disk_request: {
    doc: "what PORT_DISK_SUBMIT takes",
    bytes: 24,
    fields: {
      tag: { doc: "any value; comes back in the completion" },
      disk: { doc: "place in disk_table" },
      operation: { doc: "DISK_READ, DISK_WRITE or DISK_FLUSH" },
      block: { doc: "first block" },
      count: { doc: "blocks, 1..DISK_REQUEST_BLOCKS; 0 for a flush" },
      buffer: { doc: "address, of any alignment" },
    },
  },
  disk_completion: {
    doc: "what PORT_DISK_COMPLETE gives",
    bytes: 8,
    fields: {
      tag: { doc: "of the request" },
      status: { doc: "DISK_DONE ... DISK_ABSENT" },
    },
  },
} as const satisfies Record<string, AbiStructure>;

/**
 * The two virtual instructions, `0F 0A ib`: an opcode that no x86 processor defines.
 *
 * `idle` (ib = 0): stops the virtual CPU until an interrupt is pending (enabled or not) or EAX
 * microseconds have passed; IDLE_FOREVER never times out. Returns at once if one is pending already.
 * EAX = 0 gives up the rest of the quantum. If interrupts are enabled, what is pending is delivered
 * before the next instruction.
 *
 * `terminate` (ib = 1): ends the VM with exit code EAX & 0xff.
 */
export const VIRTUAL_INSTRUCTIONS = {
  OPCODE_ESCAPE: { value: 0x0a0f, doc: "the two opcode bytes, as a little-endian uint16" },
  OPCODE_IDLE: { value: 0, doc: "idle-with-timeout: EAX microseconds" },
  OPCODE_TERMINATE: { value: 1, doc: "terminate: EAX exit code" },
} as const satisfies Record<string, AbiConstant>;

/*
 * Upcalls. Interrupts: when the VM is scheduled with interrupt_enable = 1, interrupt_pending != 0 and
 * interrupt_handler != 0, the kernel pushes EFLAGS (IF, bit 9, = interrupt_enable), CS and EIP on the
 * stack, sets interrupt_enable to 0 and EIP to the handler. Exceptions: the same frame (EIP of the
 * faulting instruction), interrupt_enable set to 0, EIP = exception_handler, and the exception_
 * registers say what happened. IRET pops the frame and sets interrupt_enable from IF. An exception
 * while the frame cannot be pushed ends the VM (as a triple fault would).
 *
 * Nothing but EIP, ESP and interrupt_enable changes: a handler in C clears the direction flag itself. IRET
 * does not look at interrupt_pending; what is still pending is delivered when the VM is next scheduled,
 * or at once by idle. An interrupt upcall whose frame cannot be pushed ends the VM too, and so does
 * nothing else that a guest writes into the virtual registers. An IRET frame with another CS raises #GP.
 */
