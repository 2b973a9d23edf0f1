/* SHA-256 of its own output, many times: rotates, 32-bit logic, byte order. */
typedef unsigned u32;
static u32 k[64];
static u32 rotate(u32 x, int n) { return x >> n | x << (32 - n); }

static void block(u32 *h, const unsigned char *p) {
  u32 w[64], s[8];
  for (int i = 0; i < 16; i++)
    w[i] = (u32)p[i * 4] << 24 | p[i * 4 + 1] << 16 | p[i * 4 + 2] << 8 | p[i * 4 + 3];
  for (int i = 16; i < 64; i++) {
    u32 a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
           (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) s[i] = h[i];
  for (int i = 0; i < 64; i++) {
    u32 e = s[4], a = s[0];
    u32 t = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
    u32 m = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += t;
    s[0] = t + m;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}

int main(int rounds) {
  u32 h[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  unsigned char data[64] = {0};
  for (int i = 0; i < 64; i++) k[i] = 0x428a2f98u * (i + 1) ^ (u32)i << 27;
  for (int round = 0; round < rounds; round++) {
    block(h, data);
    for (int i = 0; i < 32; i++) data[i] ^= h[i / 4] >> (i % 4 * 8);
  }
  return h[0] ^ h[7];
}
