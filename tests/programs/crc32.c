/* CRC-32 of a pseudo-random buffer, bit table made at run time: byte loads, shifts, table lookups. */
static unsigned table[256];
static unsigned char buffer[1 << 16];

int main(int rounds) {
  unsigned seed = 12345, crc = 0xffffffff;
  for (unsigned i = 0; i < 256; i++) {
    unsigned c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  for (unsigned i = 0; i < sizeof buffer; i++) {
    seed = seed * 1103515245 + 12345;
    buffer[i] = seed >> 16;
  }
  for (int round = 0; round < rounds; round++)
    for (unsigned i = 0; i < sizeof buffer; i++) crc = table[(crc ^ buffer[i]) & 255] ^ (crc >> 8);
  return ~crc;
}
