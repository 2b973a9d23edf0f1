/**
 * Prints the ABI as the C header that guests include.
 *
 * `deno task abi` writes the result to ABI_HEADER_PATH; `kernel/abi_header_test.ts` fails when the
 * committed file differs.
 */

import {
  ABI_VERSION,
  type AbiConstant,
  type AbiStructure,
  CONSTANTS,
  FEATURES,
  INTERRUPTS,
  LAYOUT,
  PORTS,
  REGISTERS,
  STRUCTURES,
  VIRTUAL_INSTRUCTIONS,
} from "./abi.ts";

/** Path of the generated header, relative to the repository. */
export const ABI_HEADER_PATH = "ilwaco/include/denali.h";

/** Returns the text of the C header. */
export function abiHeader(): string {
  return [
    "/* Generated from kernel/abi.ts by `deno task abi`. Do not edit. */",
    "#ifndef DENALI_H",
    "#define DENALI_H",
    "",
    `#define DENALI_ABI_VERSION ${ABI_VERSION}`,
    ...group("Memory layout", LAYOUT),
    ...group("Bits of features", FEATURES),
    ...group("Bits of interrupt_pending", INTERRUPTS),
    ...group("I/O ports", PORTS),
    ...group("Other constants", CONSTANTS),
    ...group("Virtual instructions: 0F 0A ib", VIRTUAL_INSTRUCTIONS),
    ...structures(),
    "",
    "/* The virtual registers, at DENALI_REGISTERS_BASE. */",
    "struct denali_registers {",
    ...registerFields(),
    "};",
    "",
    "#define DENALI_REGISTERS ((volatile struct denali_registers *)DENALI_REGISTERS_BASE)",
    "",
    ...Object.entries(REGISTERS).map(([name, { offset }]) =>
      `_Static_assert(__builtin_offsetof(struct denali_registers, ${name}) == ${
        hex(offset)
      }, "ABI");`
    ),
    "",
    "#endif",
    "",
  ].join("\n");
}

function hex(value: number): string {
  return "0x" + value.toString(16);
}

function group(title: string, constants: Record<string, AbiConstant>): string[] {
  const lines = ["", `/* ${title} */`];
  for (const [name, { value, doc }] of Object.entries(constants)) {
    lines.push(`#define DENALI_${name} ${hex(value >>> 0)}u /* ${doc} */`);
  }
  return lines;
}

function structures(): string[] {
  return Object.entries(STRUCTURES).flatMap(([name, { doc, bytes, fields }]) => [
    "",
    `/* ${doc} */`,
    `struct denali_${name} {`,
    ...Object.entries<AbiStructure["fields"][string]>(fields).map(([field, { bytes, doc }]) =>
      bytes === undefined
        ? `  unsigned ${field}; /* ${doc} */`
        : `  char ${field}[${bytes}]; /* ${doc} */`
    ),
    "};",
    `_Static_assert(sizeof(struct denali_${name}) == ${bytes}, "ABI");`,
  ]);
}

function registerFields(): string[] {
  const lines: string[] = [];
  let end = 0;
  let gaps = 0;
  for (const [name, { offset, size, doc }] of Object.entries(REGISTERS)) {
    if (offset > end) lines.push(`  unsigned char reserved${gaps++}[${offset - end}];`);
    lines.push(`  ${declaration(name, size)}; /* ${doc} */`);
    end = offset + size;
  }
  return lines;
}

function declaration(name: string, size: number): string {
  if (size === 2) return `unsigned short ${name}`;
  if (size === 4) return `unsigned int ${name}`;
  if (size === 8) return `unsigned long long ${name}`;
  return `${size === 6 ? "unsigned char" : "char"} ${name}[${size}]`;
}

if (import.meta.main) {
  const path = new URL(`../${ABI_HEADER_PATH}`, import.meta.url);
  await Deno.writeTextFile(path, abiHeader());
}
