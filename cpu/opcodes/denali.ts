/**
 * The purely virtual instructions behind the escape 0F 0A, which no x86 processor defines: see
 * VIRTUAL_INSTRUCTIONS in kernel/abi.ts. Notation: see notation.ts.
 */
export const DENALI = `
00: idle | terminate
`;
