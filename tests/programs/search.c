/* Searching strings in a text: the naive way, Knuth-Morris-Pratt, Horspool, and for single characters. */
#define LENGTH (1 << 14)

static unsigned char text[LENGTH + 1];

static const char *const words[] = {
    "virtual", "machine", "isolation", "kernel",  "the",   "a",     "of",    "memory",
    "page",    "switch",  "packet",    "console", "timer", "block", "frame", "interrupt"};
static const char *const patterns[] = {
    "kernel", "isolation kernel", "a frame of", "interrupt interrupt", "z", "memory page s", "tttt"};

static int length(const unsigned char *s) {
  int n = 0;
  while (s[n]) n++;
  return n;
}

static void write_text(unsigned seed) {
  for (int at = 0; at < LENGTH;) {
    seed = seed * 1664525 + 1013904223;
    for (const char *w = words[seed >> 28]; *w && at < LENGTH; w++) text[at++] = *w;
    if (at < LENGTH) text[at++] = seed & 0x70000 ? ' ' : '\n';
  }
}

static unsigned naive(const unsigned char *pattern) {
  unsigned found = 0;
  for (const unsigned char *p = text; *p; p++) {
    int i = 0;
    while (pattern[i] && p[i] == pattern[i]) i++;
    if (!pattern[i]) found = found * 31 + (p - text);
  }
  return found;
}

static unsigned knuth(const unsigned char *pattern) {
  static int next[32];
  int m = length(pattern), k = 0;
  unsigned found = 0;
  next[0] = 0;
  for (int i = 1; i < m; i++) {
    while (k && pattern[i] != pattern[k]) k = next[k - 1];
    if (pattern[i] == pattern[k]) k++;
    next[i] = k;
  }
  k = 0;
  for (int i = 0; i < LENGTH; i++) {
    while (k && text[i] != pattern[k]) k = next[k - 1];
    if (text[i] == pattern[k]) k++;
    if (k == m) {
      found = found * 31 + (i - m + 1);
      k = next[k - 1];
    }
  }
  return found;
}

static unsigned horspool(const unsigned char *pattern) {
  static int skip[256];
  int m = length(pattern);
  unsigned found = 0;
  for (int i = 0; i < 256; i++) skip[i] = m;
  for (int i = 0; i < m - 1; i++) skip[pattern[i]] = m - 1 - i;
  for (int at = 0; at + m <= LENGTH; at += skip[text[at + m - 1]]) {
    int i = m - 1;
    while (i >= 0 && text[at + i] == pattern[i]) i--;
    if (i < 0) found = found * 31 + at;
  }
  return found;
}

static unsigned lines(void) {
  unsigned count = 0, longest = 0, start = 0;
  for (unsigned i = 0; i < LENGTH; i++) {
    if (text[i] != '\n') continue;
    if (i - start > longest) longest = i - start;
    start = i + 1;
    count++;
  }
  return count * 65536 + longest;
}

int main(int rounds) {
  unsigned hash = 0;
  for (int round = 0; round < rounds; round++) {
    if (round % 16 == 0) write_text(round + 1);
    for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) {
      const unsigned char *pattern = (const unsigned char *)patterns[(i + round) % 7];
      unsigned found = i % 3 == 0 ? naive(pattern) : i % 3 == 1 ? knuth(pattern) : horspool(pattern);
      if (round == 0 && (found != naive(pattern) || found != knuth(pattern) || found != horspool(pattern)))
        return -1;
      hash = hash * 31 + found;
    }
    hash += lines();
  }
  return hash;
}
