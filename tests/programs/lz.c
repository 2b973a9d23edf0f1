/*
 * Compression by references to what came before (LZ77; tokens of literals and matches, found by a hash table
 * with chains), decompression, and a comparison of the two.
 */
typedef unsigned char u8;
typedef unsigned u32;

#define LENGTH (1 << 12)
#define HASHES (1 << 10)
#define SHORTEST 4
#define LONGEST 130
#define DEPTH 8

static u8 input[LENGTH], packed[LENGTH * 2], output[LENGTH];
static int head[HASHES], previous[LENGTH];

static void write_input(u32 seed) {
  static const char alphabet[] = "etaoinshrdlucmfwypvbgkjqxz  \n,.<";
  int at = 0;
  while (at < LENGTH) {
    seed = seed * 1664525 + 1013904223;
    int count = 3 + (seed >> 28);
    if (at > 64 && seed & 0x4000000) {
      int from = (seed >> 8 & 0xffff) % (at - 16);
      while (count-- && at < LENGTH) input[at++] = input[from++];
    } else {
      while (count-- && at < LENGTH) {
        seed = seed * 1664525 + 1013904223;
        input[at++] = alphabet[(seed >> 27) & (seed >> 22)];
      }
    }
  }
}

static u32 hash_of(const u8 *p) {
  u32 word = p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
  return word * 2654435761u >> 22;
}

static int match_length(const u8 *a, const u8 *b, int limit) {
  int n = 0;
  while (n < limit && a[n] == b[n]) n++;
  return n;
}

static int flush(int to, const u8 *literals, int count) {
  while (count > 0) {
    int part = count < 127 ? count : 127;
    packed[to++] = part;
    for (int i = 0; i < part; i++) packed[to++] = literals[i];
    literals += part;
    count -= part;
  }
  return to;
}

/* 0nnnnnnn: n literals follow; 1nnnnnnn lo hi: n + SHORTEST bytes from the distance. Returns the length. */
static int compress(void) {
  int to = 0, start = 0;
  for (int i = 0; i < HASHES; i++) head[i] = -1;
  for (int at = 0; at < LENGTH;) {
    int best = 0, distance = 0;
    if (at + SHORTEST <= LENGTH) {
      u32 h = hash_of(input + at);
      int limit = LENGTH - at < LONGEST ? LENGTH - at : LONGEST;
      int candidate = head[h];
      for (int depth = 0; candidate >= 0 && depth < DEPTH; depth++) {
        int n = match_length(input + candidate, input + at, limit);
        if (n > best) {
          best = n;
          distance = at - candidate;
        }
        candidate = previous[candidate];
      }
      previous[at] = head[h];
      head[h] = at;
    }
    if (best < SHORTEST) {
      at++;
      continue;
    }
    to = flush(to, input + start, at - start);
    packed[to++] = 128 | (best - SHORTEST);
    packed[to++] = distance;
    packed[to++] = distance >> 8;
    at += best;
    start = at;
  }
  return flush(to, input + start, LENGTH - start);
}

static int decompress(int length) {
  int at = 0;
  for (int from = 0; from < length;) {
    int token = packed[from++];
    if (token < 128) {
      while (token--) output[at++] = packed[from++];
    } else {
      int distance = packed[from] | packed[from + 1] << 8;
      from += 2;
      for (int n = (token & 127) + SHORTEST; n > 0; n--, at++) output[at] = output[at - distance];
    }
  }
  return at;
}

int main(int rounds) {
  u32 hash = 2166136261u;
  for (int round = 0; round < rounds; round++) {
    if (round % 8 == 0) write_input(round + 7);
    else input[round * 997 % LENGTH] ^= round;
    int length = compress();
    if (decompress(length) != LENGTH) return -1;
    for (int i = 0; i < LENGTH; i++)
      if (input[i] != output[i]) return -2;
    for (int i = 0; i < length; i += 16) hash = (hash ^ packed[i]) * 16777619u;
    hash += length;
  }
  return hash;
}
