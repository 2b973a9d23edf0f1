/* Generated from kernel/abi.ts by `deno task abi`. Do not edit. */
#ifndef DENALI_H
#define DENALI_H

#define DENALI_ABI_VERSION 1

/* Memory layout */
#define DENALI_REGISTERS_BASE 0x1000u /* address of the virtual register page */
#define DENALI_IMAGE_MINIMUM 0x2000u /* lowest address an image segment may have */
#define DENALI_MEMORY_MINIMUM 0x100000u /* smallest memory of a VM, bytes */
#define DENALI_MEMORY_MAXIMUM 0x40000000u /* largest memory of a VM, bytes */
#define DENALI_BOOT_TEXT_BYTES 0xdf0u /* room for boot arguments and settings, NULs included */

/* Bits of features */
#define DENALI_FEATURE_CONSOLE 0x1u /* console and keyboard */
#define DENALI_FEATURE_TIMER 0x2u /* timer */
#define DENALI_FEATURE_NIC 0x4u /* network interface */
#define DENALI_FEATURE_DISK 0x8u /* disks: see disk_table and PORT_DISK_SUBMIT */
#define DENALI_FEATURE_NIC_RINGS 0x10u /* rings of frames: see PORT_NIC_RING_SEND */
#define DENALI_FEATURE_NIC_OFFLOAD 0x20u /* frames in rings may leave checksums and segmentation to others: see PORT_NIC_OFFLOAD */
#define DENALI_FEATURE_MEMORY_DISCARD 0x40u /* pages can be given back: see PORT_MEMORY_DISCARD */
#define DENALI_FEATURE_NIC_REGISTERS 0x100u /* the network interface is driven by registers: see PORT_NIC_COMMAND */

/* Bits of interrupt_pending */
#define DENALI_INTERRUPT_TIMER 0x1u /* the timer has expired */
#define DENALI_INTERRUPT_KEYBOARD 0x2u /* input has come, or the input was closed */
#define DENALI_INTERRUPT_NIC_RECEIVE 0x4u /* a frame has come */
#define DENALI_INTERRUPT_NIC_TRANSMIT 0x8u /* there is room again after a send was refused */
#define DENALI_INTERRUPT_DISK 0x10u /* disk requests have ended; may also come without */
#define DENALI_INTERRUPT_SHUTDOWN 0x20u /* the operator asks the guest to end */

/* I/O ports */
#define DENALI_PORT_THREAD_POINTER 0x8u /* out eax: base address of %gs */
#define DENALI_PORT_THREAD_POINTER_FS 0x9u /* out eax: base address of %fs */
#define DENALI_PORT_CLOCK 0xcu /* out eax (any value): refresh the time registers */
#define DENALI_PORT_CONSOLE_WRITE 0x10u /* rep outsb: write a buffer to the console */
#define DENALI_PORT_KEYBOARD_READ 0x18u /* rep insb: take up to ECX bytes of input */
#define DENALI_PORT_KEYBOARD_STATUS 0x19u /* in eax: bytes of input waiting; KEYBOARD_CLOSED is set when no more will come */
#define DENALI_PORT_TIMER_ONESHOT 0x20u /* out eax: interrupt once in EAX microseconds; 0 disarms; replaces the timer's setting */
#define DENALI_PORT_TIMER_PERIODIC 0x21u /* out eax: interrupt every EAX microseconds; 0 disarms; replaces the timer's setting */
#define DENALI_PORT_NIC_SEND 0x30u /* rep outsb: send one frame of ECX bytes (14..NIC_FRAME_MAXIMUM); ECX is 0 if it was taken, unchanged if the send queue is full */
#define DENALI_PORT_NIC_RECEIVE 0x31u /* rep insb: take one frame; what exceeds ECX bytes is cut off; ECX unchanged: none waits */
#define DENALI_PORT_NIC_STATUS 0x32u /* in eax: number of frames waiting */
#define DENALI_PORT_NIC_RING_SEND 0x34u /* with FEATURE_NIC_RINGS: out eax: send the frames of the struct denali_nic_ring at EAX; they are not all taken if the send queue is full */
#define DENALI_PORT_NIC_RING_RECEIVE 0x35u /* ... out eax: take frames that wait into the buffers of the ring at EAX */
#define DENALI_PORT_NIC_OFFLOAD 0x36u /* with FEATURE_NIC_OFFLOAD: out eax: NIC_OFFLOAD_ bits: what frames may come with, 0 at first */
#define DENALI_PORT_NIC_COMMAND 0x38u /* with FEATURE_NIC_REGISTERS: out eax: NIC_COMMAND_; what they do is told in abi.ts */
#define DENALI_PORT_NIC_FLAGS 0x39u /* ... in eax: NIC_FLAG_ bits; out eax: clears NIC_FLAG_MOVED */
#define DENALI_PORT_NIC_ADDRESS_LOW 0x3au /* ... out eax: address in the card, low byte */
#define DENALI_PORT_NIC_ADDRESS_HIGH 0x3bu /* ... out eax: address in the card, high byte */
#define DENALI_PORT_NIC_COUNT_LOW 0x3cu /* ... bytes to move, low byte; in: of the next frame */
#define DENALI_PORT_NIC_COUNT_HIGH 0x3du /* ... bytes to move, high byte; in: of the next frame */
#define DENALI_PORT_NIC_DATA 0x3eu /* ... rep outsb, rep insb: moves the bytes */
#define DENALI_PORT_NIC_PAGE 0x3fu /* ... in eax: page of the next frame; out eax: gives the page back, with the frame in it */
#define DENALI_PORT_MEMORY_DISCARD 0x28u /* rep outsb: gives back the pages that lie wholly in the buffer, which then reads as zeros; pages of the image are left as they are, and others may be */
#define DENALI_PORT_DISK_SUBMIT 0x40u /* rep outsb: struct denali_disk_request, one after another; ECX is what was not taken, because DISK_QUEUE_REQUESTS are open */
#define DENALI_PORT_DISK_COMPLETE 0x41u /* rep insb: takes struct denali_disk_completion; ECX is what was not filled: no more ended */

/* Other constants */
#define DENALI_NIC_COMMAND_PAGE_0 0x0u /* PORT_NIC_COMMAND: registers of page 0 */
#define DENALI_NIC_COMMAND_PAGE_1 0x1u /* PORT_NIC_COMMAND: registers of page 1: PORT_NIC_PAGE reads */
#define DENALI_NIC_COMMAND_READ 0x2u /* PORT_NIC_COMMAND: the next frame is to be moved to the VM */
#define DENALI_NIC_COMMAND_WRITE 0x3u /* PORT_NIC_COMMAND: COUNT bytes are to be moved to the card */
#define DENALI_NIC_COMMAND_SEND 0x4u /* PORT_NIC_COMMAND: sends what was moved to the card */
#define DENALI_NIC_FLAG_RECEIVED 0x1u /* PORT_NIC_FLAGS: a frame waits */
#define DENALI_NIC_FLAG_ROOM 0x2u /* PORT_NIC_FLAGS: a frame may be sent */
#define DENALI_NIC_FLAG_MOVED 0x40u /* PORT_NIC_FLAGS: what READ or WRITE began has been moved */
#define DENALI_KEYBOARD_CLOSED 0x80000000u /* in PORT_KEYBOARD_STATUS: the input was closed */
#define DENALI_NIC_HEADER_BYTES 0xau /* bytes of the virtio_net_hdr before a frame in a ring */
#define DENALI_NIC_RING_MAXIMUM 0x100u /* most descriptors of a ring */
#define DENALI_NIC_RING_FRAMES 0x40u /* frames after which an operation on a ring may be interrupted */
#define DENALI_NIC_PIECES_MAXIMUM 0x8u /* most descriptors of one frame */
#define DENALI_NIC_SEGMENTS_MAXIMUM 0x80u /* most segments that one frame stands for */
#define DENALI_NIC_DESCRIPTOR_MORE 0x1u /* flags: the next descriptor goes on with this frame */
#define DENALI_NIC_OFFLOAD_CHECKSUM 0x1u /* PORT_NIC_OFFLOAD: frames without their checksum */
#define DENALI_NIC_OFFLOAD_TCP 0x2u /* PORT_NIC_OFFLOAD: ... and large TCP segments */
#define DENALI_NIC_FRAME_MAXIMUM 0x5eau /* bytes of the largest Ethernet frame, without FCS */
#define DENALI_DISK_MAXIMUM 0x8u /* disks of a VM */
#define DENALI_DISK_BLOCK_BYTES 0x1000u /* bytes of a block */
#define DENALI_DISK_NAME_BYTES 0x18u /* bytes of a disk's name, the NUL included */
#define DENALI_DISK_QUEUE_REQUESTS 0x40u /* requests of a VM that may be open */
#define DENALI_DISK_REQUEST_BLOCKS 0x20u /* blocks that one request may move */
#define DENALI_DISK_FLAG_READ_ONLY 0x1u /* disk_table: writes are refused */
#define DENALI_DISK_READ 0x0u /* operation: disk to buffer */
#define DENALI_DISK_WRITE 0x1u /* operation: buffer to disk */
#define DENALI_DISK_FLUSH 0x2u /* operation: what was written is to be on stable storage */
#define DENALI_DISK_DONE 0x0u /* status: all was done */
#define DENALI_DISK_ERROR 0x1u /* status: the host's file failed */
#define DENALI_DISK_FULL 0x2u /* status: the host has no room for what was to be written */
#define DENALI_DISK_READ_ONLY 0x3u /* status: a write to a disk that is read-only */
#define DENALI_DISK_INVALID 0x4u /* status: no such operation, block or count */
#define DENALI_DISK_ABSENT 0x5u /* status: no such disk */
#define DENALI_IDLE_FOREVER 0xffffffffu /* idle-with-timeout: no timeout */
#define DENALI_CODE_SELECTOR 0x23u /* CS in an upcall frame */
#define DENALI_DATA_SELECTOR 0x2bu /* what DS, ES and SS hold */

/* Virtual instructions: 0F 0A ib */
#define DENALI_OPCODE_ESCAPE 0xa0fu /* the two opcode bytes, as a little-endian uint16 */
#define DENALI_OPCODE_IDLE 0x0u /* idle-with-timeout: EAX microseconds */
#define DENALI_OPCODE_TERMINATE 0x1u /* terminate: EAX exit code */

/* PORT_NIC_RING_SEND, PORT_NIC_RING_RECEIVE; its descriptors follow */
struct denali_nic_ring {
  unsigned size; /* descriptors, a power of two; set by the guest */
  unsigned tail; /* descriptors that the guest has filled */
  unsigned head; /* descriptors that were worked off; set by the kernel */
  unsigned wanted; /* receiving: bytes of the next frame, or 0; set by the kernel */
};
_Static_assert(sizeof(struct denali_nic_ring) == 16, "ABI");

/* a frame or a piece of one */
struct denali_nic_descriptor {
  unsigned address; /* of any alignment */
  unsigned length; /* bytes to send, or room */
  unsigned flags; /* NIC_DESCRIPTOR_ bits */
  unsigned used; /* bytes received; set by the kernel */
};
_Static_assert(sizeof(struct denali_nic_descriptor) == 16, "ABI");

/* an entry of disk_table */
struct denali_disk {
  unsigned blocks; /* of DISK_BLOCK_BYTES */
  unsigned flags; /* DISK_FLAG_ bits */
  char name[24]; /* ASCII, NUL-terminated */
};
_Static_assert(sizeof(struct denali_disk) == 32, "ABI");

/* what PORT_DISK_SUBMIT takes */
struct denali_disk_request {
  unsigned tag; /* any value; comes back in the completion */
  unsigned disk; /* place in disk_table */
  unsigned operation; /* DISK_READ, DISK_WRITE or DISK_FLUSH */
  unsigned block; /* first block */
  unsigned count; /* blocks, 1..DISK_REQUEST_BLOCKS; 0 for a flush */
  unsigned buffer; /* address, of any alignment */
};
_Static_assert(sizeof(struct denali_disk_request) == 24, "ABI");

/* what PORT_DISK_COMPLETE gives */
struct denali_disk_completion {
  unsigned tag; /* of the request */
  unsigned status; /* DISK_DONE ... DISK_ABSENT */
};
_Static_assert(sizeof(struct denali_disk_completion) == 8, "ABI");

/* The virtual registers, at DENALI_REGISTERS_BASE. */
struct denali_registers {
  unsigned int abi_version; /* ABI_VERSION */
  unsigned int features; /* FEATURE_ bits */
  unsigned int vm_id; /* number of this VM, from 1 */
  unsigned int cpu_khz; /* RDTSC ticks per millisecond */
  unsigned int memory_size; /* bytes of memory */
  unsigned char reserved0[4];
  unsigned long long monotonic_us; /* microseconds since the VM started */
  unsigned long long wallclock_us; /* microseconds since 1970-01-01 UTC */
  unsigned long long tsc_at_refresh; /* RDTSC when the two times above were written */
  unsigned long long deadline_us; /* INTERRUPT_TIMER comes, and idle ends, at this time of monotonic_us; all ones: never */
  unsigned char reserved1[8];
  unsigned int interrupt_enable; /* 0: interrupts wait; 1: they are delivered when the VM is next scheduled */
  unsigned int interrupt_pending; /* INTERRUPT_ bits that have come; the guest clears what it has handled */
  unsigned int interrupt_handler; /* address of the interrupt upcall, 0: none */
  unsigned int exception_handler; /* address of the exception upcall, 0: an exception ends the VM with a crash report */
  unsigned int exception_vector; /* last exception: x86 vector */
  unsigned int exception_error; /* last exception: error code */
  unsigned int exception_address; /* last #PF: the address that faulted (as CR2) */
  unsigned char reserved2[36];
  unsigned char nic_mac[6]; /* MAC address */
  unsigned short nic_mtu; /* largest IP packet, bytes */
  unsigned int nic_address; /* IPv4 address, network byte order */
  unsigned int nic_netmask; /* IPv4 netmask, network byte order */
  unsigned int nic_gateway; /* IPv4 gateway, or 0 */
  unsigned int nic_dns; /* IPv4 address of a DNS server, or 0 */
  unsigned char reserved3[40];
  char vm_name[64]; /* name of this VM, UTF-8, NUL-terminated */
  char disk_table[256]; /* DISK_MAXIMUM entries, struct denali_disk; the first that is all zero ends them */
  unsigned int argument_count; /* number of boot arguments (argv[1] ...) at the start of boot_text */
  unsigned int setting_count; /* number of KEY=VALUE settings that follow the arguments in boot_text */
  unsigned char reserved4[8];
  char boot_text[3568]; /* NUL-terminated strings: the boot arguments, then the settings */
};

#define DENALI_REGISTERS ((volatile struct denali_registers *)DENALI_REGISTERS_BASE)

_Static_assert(__builtin_offsetof(struct denali_registers, abi_version) == 0x0, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, features) == 0x4, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, vm_id) == 0x8, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, cpu_khz) == 0xc, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, memory_size) == 0x10, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, monotonic_us) == 0x18, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, wallclock_us) == 0x20, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, tsc_at_refresh) == 0x28, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, deadline_us) == 0x30, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, interrupt_enable) == 0x40, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, interrupt_pending) == 0x44, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, interrupt_handler) == 0x48, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, exception_handler) == 0x4c, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, exception_vector) == 0x50, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, exception_error) == 0x54, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, exception_address) == 0x58, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_mac) == 0x80, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_mtu) == 0x86, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_address) == 0x88, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_netmask) == 0x8c, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_gateway) == 0x90, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, nic_dns) == 0x94, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, vm_name) == 0xc0, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, disk_table) == 0x100, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, argument_count) == 0x200, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, setting_count) == 0x204, "ABI");
_Static_assert(__builtin_offsetof(struct denali_registers, boot_text) == 0x210, "ABI");

#endif
