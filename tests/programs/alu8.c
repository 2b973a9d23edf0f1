/*
 * 8-bit arithmetic, exhaustively: operation `n` with every pair of operands and both values of CF; the result is
 * a hash of all results and defined flags. Bits of EFLAGS: CF 1, PF 4, AF 16, ZF 64, SF 128, OF 2048.
 */
typedef unsigned u32;

#define ALL 0x8d5
#define LOGIC 0x8c5

#define BINARY(name, text)                                                                    \
  static u32 name(u32 a, u32 b, u32 flags) {                                                  \
    u32 out;                                                                                  \
    __asm__ volatile("pushl %2\n popfl\n" text "\n pushfl\n popl %1"                          \
                     : "+a"(a), "=r"(out)                                                     \
                     : "r"(flags), "c"(b)                                                     \
                     : "cc", "memory");                                                       \
    return (a & 0xffff) | out << 16;                                                          \
  }

BINARY(op_add, "addb %%cl, %%al")
BINARY(op_adc, "adcb %%cl, %%al")
BINARY(op_sub, "subb %%cl, %%al")
BINARY(op_sbb, "sbbb %%cl, %%al")
BINARY(op_cmp, "cmpb %%cl, %%al")
BINARY(op_and, "andb %%cl, %%al")
BINARY(op_or, "orb %%cl, %%al")
BINARY(op_xor, "xorb %%cl, %%al")
BINARY(op_test, "testb %%cl, %%al")
BINARY(op_inc, "incb %%al")
BINARY(op_dec, "decb %%al")
BINARY(op_neg, "negb %%al")
BINARY(op_mul, "mulb %%cl")
BINARY(op_imul, "imulb %%cl")
BINARY(op_daa, "daa")
BINARY(op_das, "das")
BINARY(op_aaa, "movb %%cl, %%ah\n aaa")
BINARY(op_aas, "movb %%cl, %%ah\n aas")
BINARY(op_aad, "movb %%cl, %%ah\n aad")
BINARY(op_aam, "aam")
BINARY(op_rol, "rolb %%cl, %%al")
BINARY(op_ror, "rorb %%cl, %%al")
BINARY(op_rcl, "rclb %%cl, %%al")
BINARY(op_rcr, "rcrb %%cl, %%al")
BINARY(op_shl, "shlb %%cl, %%al")
BINARY(op_shr, "shrb %%cl, %%al")
BINARY(op_sar, "sarb %%cl, %%al")

static const struct {
  u32 (*run)(u32, u32, u32);
  u32 defined;
} operations[] = {
  {op_add, ALL}, {op_adc, ALL}, {op_sub, ALL}, {op_sbb, ALL}, {op_cmp, ALL}, {op_and, LOGIC},
  {op_or, LOGIC}, {op_xor, LOGIC}, {op_test, LOGIC}, {op_inc, ALL}, {op_dec, ALL}, {op_neg, ALL},
  {op_mul, 0x801}, {op_imul, 0x801}, {op_daa, 0xd5}, {op_das, 0xd5}, {op_aaa, 0x11}, {op_aas, 0x11},
  {op_aad, 0xc4}, {op_aam, 0xc4}, {op_rol, 0xd5}, {op_ror, 0xd5}, {op_rcl, 0xd5}, {op_rcr, 0xd5},
  {op_shl, 0xc4}, {op_shr, 0xc4}, {op_sar, 0xc4},
};

int main(int n) {
  u32 hash = 2166136261u;
  if (n >= (int)(sizeof operations / sizeof *operations)) return -1;
  for (u32 flags = 0; flags < 4; flags++)
    for (u32 a = 0; a < 256; a++)
      for (u32 b = 0; b < 256; b++) {
        /* CF and AF in, all four combinations. */
        u32 r = operations[n].run(a, b, 0x202 | (flags & 1) | (flags & 2) << 3);
        u32 mask = operations[n].defined;
        /* A shift by 0 leaves AF, CF and OF as they were; those are defined, and so is CF of a count in range. */
        if (n >= 24 && (b & 31) == 0) mask = ALL;
        else if (n >= 24 && (b & 31) < 8) mask |= 1;
        if (n >= 20 && (b & 31) == 1) mask |= 0x800;
        hash = (hash ^ (r & 0xffff) ^ (r >> 16 & mask) << 16) * 16777619u;
      }
  return hash;
}
