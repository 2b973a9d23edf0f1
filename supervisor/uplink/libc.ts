/**
 * The C library, by FFI: the system calls that a TAP device needs and Deno does not offer.
 *
 * With a permission for one path only, pointers cannot be looked through; so errno is copied out of its
 * place by memcpy, at once, before anything else can change it.
 */

/** Where the C library lies on common distributions; the permission to load names exactly these. */
export const LIBC_PATHS: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
];

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctlValue: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  // A result of 64 bits would be a bigint, made anew for each frame; no frame is 2 GiB long.
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  getuid: { parameters: [], result: "u32" },
  // The one call that blocks: on a thread of Deno's pool.
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "usize" },
  memcpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
} as const;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

export function openLibc(path: string): Libc {
  return Deno.dlopen(path, SYMBOLS).symbols;
}

const errnoBuffer = new Int32Array(1);

/** Why the last call failed; to be asked before anything else is called. */
export function errno(libc: Libc): number {
  libc.memcpy(errnoBuffer, libc.__errno_location(), 4n);
  return errnoBuffer[0];
}

// errno of Linux on x86 and ARM (asm-generic/errno-base.h, errno.h).
export const EPERM = 1, ENOENT = 2, EIO = 5, ENXIO = 6, EACCES = 13;
export const EBUSY = 16, ENODEV = 19, EINVAL = 22, EBADFD = 77, EOPNOTSUPP = 95;
export const EADDRNOTAVAIL = 99;

const NAMES: Record<number, string> = {
  [EPERM]: "EPERM",
  [ENOENT]: "ENOENT",
  [EIO]: "EIO",
  [ENXIO]: "ENXIO",
  [EACCES]: "EACCES",
  [EBUSY]: "EBUSY",
  [ENODEV]: "ENODEV",
  [EINVAL]: "EINVAL",
  [EBADFD]: "EBADFD",
  [EOPNOTSUPP]: "EOPNOTSUPP",
  [EADDRNOTAVAIL]: "EADDRNOTAVAIL",
};

export function errnoName(code: number): string {
  return NAMES[code] ?? `errno ${code}`;
}
