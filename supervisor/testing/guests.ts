/** Guests of a few bytes, for tests that need no compiler. Assembled by hand; see kernel/abi.ts. */

import { executable } from "../../kernel/testing/elf_builder.ts";

const ORIGIN = 0x10000;

function word(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** mov eax, code; terminate */
function terminate(code: number): number[] {
  return [0xb8, ...word(code), 0x0f, 0x0a, 0x01];
}

function image(...code: number[]): Uint8Array<ArrayBuffer> {
  return executable(code);
}

/** Ends with `code`. */
export function exitGuest(code: number): Uint8Array<ArrayBuffer> {
  return image(...terminate(code));
}

/** Writes `text` to the console and ends with `code`. */
export function printGuest(text: string, code = 0): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const end = terminate(code);
  const start = [
    ...[0xba, ...word(0x10)], // mov edx, PORT_CONSOLE_WRITE
    ...[0xb9, ...word(bytes.length)], // mov ecx, length
    ...[0xbe, ...word(ORIGIN + 15 + 2 + end.length)], // mov esi, text
    ...[0xf3, 0x6e], // rep outsb
  ];
  return executable([...start, ...end, ...bytes]);
}

/** Writes 64 KiB of zeros, `times` times, and ends. */
export function floodGuest(times: number): Uint8Array<ArrayBuffer> {
  return image(
    ...[0xbb, ...word(times)], // mov ebx, times
    ...[0xba, ...word(0x10)], // again: mov edx, PORT_CONSOLE_WRITE
    ...[0xb9, ...word(0x10000)], // mov ecx, 65536
    ...[0xbe, ...word(0x20000)], // mov esi, 0x20000
    ...[0xf3, 0x6e], // rep outsb
    0x4b, // dec ebx
    ...[0x75, 0xec], // jnz again
    ...terminate(0),
  );
}

/** Reads through a null pointer. */
export function crashGuest(): Uint8Array<ArrayBuffer> {
  return image(0xa1, ...word(0)); // mov eax, [0]
}

/** Never ends, never idles. */
export function spinGuest(): Uint8Array<ArrayBuffer> {
  return image(0xeb, 0xfe); // jmp $
}

/** Idles for ever. */
export function idleGuest(): Uint8Array<ArrayBuffer> {
  return image(0xb8, ...word(-1), 0x0f, 0x0a, 0x00, 0xeb, 0xf6);
}

/** Copies its input to the console and ends with code 0 at the end of it. */
export function echoGuest(): Uint8Array<ArrayBuffer> {
  const BUFFER = 0x20000, SIZE = 256;
  return image(
    ...[0xc7, 0x05, ...word(0x1044), ...word(0)], // 0: mov dword [interrupt_pending], 0
    ...[0xba, ...word(0x18)], // 10: mov edx, PORT_KEYBOARD_READ
    ...[0xbf, ...word(BUFFER)], // 15: mov edi, buffer
    ...[0xb9, ...word(SIZE)], // 20: mov ecx, size
    ...[0xf3, 0x6c], // 25: rep insb
    ...[0xb8, ...word(SIZE)], // 27: mov eax, size
    ...[0x29, 0xc8], // 32: sub eax, ecx
    ...[0x74, 0x10], // 34: jz nothing (52)
    ...[0x89, 0xc1], // 36: mov ecx, eax
    ...[0xbe, ...word(BUFFER)], // 38: mov esi, buffer
    ...[0xba, ...word(0x10)], // 43: mov edx, PORT_CONSOLE_WRITE
    ...[0xf3, 0x6e], // 48: rep outsb
    ...[0xeb, 0xcc], // 50: jmp 0
    ...[0xba, ...word(0x19)], // 52: nothing: mov edx, PORT_KEYBOARD_STATUS
    0xed, // 57: in eax, dx
    ...[0x85, 0xc0], // 58: test eax, eax
    ...[0x78, 0x0a], // 60: js closed (72)
    ...[0xb8, ...word(-1)], // 62: mov eax, IDLE_FOREVER
    ...[0x0f, 0x0a, 0x00], // 67: idle
    ...[0xeb, 0xb8], // 70: jmp 0
    ...terminate(0), // 72: closed
  );
}
