/*
 * What every executor runs: reads decimal numbers, one per line, calls `program` with each, and answers with
 * the result in hexadecimal. `get` and `put` are the platform's: linux.S or multiboot.S.
 */
int program(int repetitions);
int get(void);
void put(int c);

static void print(const char *text) {
  while (*text) put(*text++);
}

void serve(void) {
  print("ready\n");
  for (;;) {
    int argument = 0, c;
    while ((c = get()) >= '0' && c <= '9') argument = argument * 10 + c - '0';
    if (c < 0) return;
    unsigned result = program(argument);
    for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[result >> shift & 15]);
    put('\n');
  }
}
