/* The platform of a VM of Denali: the console and the keyboard, through Ilwaco. */
#include <stdio.h>
#include <unistd.h>

void serve(void);

int get(void) {
  unsigned char c;
  return read(STDIN_FILENO, &c, 1) == 1 ? c : -1;
}

void put(int c) {
  putchar(c);
  if (c == '\n') fflush(stdout);
}

int main(void) {
  serve();
  return 0;
}
