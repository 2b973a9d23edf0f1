/*
 * AES-128 in counter mode without tables (FIPS 197): bytes are transformed four at a time inside 32-bit words, the
 * S-box by inversion in GF(2^8). Long chains of shifts, masks and exclusive ors.
 */
typedef unsigned char u8;
typedef unsigned u32;

/* Four products by x at a time. */
static u32 times_x(u32 a) { return (a & 0x7f7f7f7f) << 1 ^ (a >> 7 & 0x01010101) * 0x1b; }

/* Four products at a time. */
static u32 multiply(u32 a, u32 b) {
  u32 result = 0;
  for (int bit = 0; bit < 8; bit++) {
    result ^= a & (b >> bit & 0x01010101) * 0xff;
    a = times_x(a);
  }
  return result;
}

static u32 rotate_bytes_left(u32 a, int n) {
  u32 low = 0x01010101u * (0xff >> (8 - n));
  return (a & ~(0x01010101u * (u8)(0xff << (8 - n)))) << n | (a >> (8 - n) & low);
}

/* The S-box on four bytes: a to the power of 254, then the affine transformation. */
static u32 substitute(u32 a) {
  u32 a2 = multiply(a, a), a3 = multiply(a2, a), a6 = multiply(a3, a3), a12 = multiply(a6, a6);
  u32 a15 = multiply(a12, a3), a30 = multiply(a15, a15), a60 = multiply(a30, a30), a120 = multiply(a60, a60);
  u32 a126 = multiply(a120, a6), a127 = multiply(a126, a), inverse = multiply(a127, a127);
  u32 result = inverse ^ 0x63636363;
  for (int n = 1; n < 5; n++) result ^= rotate_bytes_left(inverse, n);
  return result;
}

static u32 rotate(u32 x, int n) { return x >> n | x << (32 - n); }

/* Words are columns, the first row in the lowest byte. */
static void expand_key(u32 keys[44]) {
  u32 constant = 1;
  for (int i = 4; i < 44; i++) {
    u32 word = keys[i - 1];
    if (i % 4 == 0) {
      word = substitute(rotate(word, 8)) ^ constant;
      constant = times_x(constant);
    }
    keys[i] = keys[i - 4] ^ word;
  }
}

static void encrypt(const u32 keys[44], u32 s[4]) {
  for (int i = 0; i < 4; i++) s[i] ^= keys[i];
  for (int round = 1; round <= 10; round++) {
    u32 t[4];
    for (int i = 0; i < 4; i++) s[i] = substitute(s[i]);
    for (int i = 0; i < 4; i++)
      t[i] = (s[i] & 0xff) | (s[(i + 1) & 3] & 0xff00) | (s[(i + 2) & 3] & 0xff0000) | (s[(i + 3) & 3] & 0xff000000);
    for (int i = 0; i < 4; i++) {
      u32 a = t[i];
      if (round < 10) {
        u32 pairs = a ^ rotate(a, 8);
        a = times_x(pairs) ^ rotate(a, 8) ^ rotate(pairs, 16);
      }
      s[i] = a ^ keys[round * 4 + i];
    }
  }
}

int main(int rounds) {
  u32 keys[44] = {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c};
  u32 block[4] = {0x33221100, 0x77665544, 0xbbaa9988, 0xffeeddcc};
  u32 hash = 0;
  expand_key(keys);
  encrypt(keys, block);
  /* FIPS 197, C.1 */
  if (block[0] != 0xd8e0c469 || block[1] != 0x30047b6a || block[2] != 0x80b7cdd8 || block[3] != 0x5ac5b470) return -1;
  for (int round = 0; round < rounds; round++) {
    if (round % 16 == 0) {
      for (int i = 0; i < 4; i++) keys[i] ^= block[i];
      expand_key(keys);
    }
    for (u32 counter = 0; counter < 4; counter++) {
      u32 s[4] = {round, counter, 0x12345678, hash};
      encrypt(keys, s);
      for (int i = 0; i < 4; i++) hash = rotate(hash, 27) ^ s[i];
    }
  }
  return hash;
}
