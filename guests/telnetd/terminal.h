/*
 * Where a shell talks to somebody: the console, or a TELNET connection (RFC 854, 857, 858).
 *
 * Over TELNET we offer to echo and to suppress go-ahead, which makes clients send each character as it
 * is typed; every other option is refused. Lines are edited here: backspace, Ctrl-U (all), Ctrl-W (a
 * word), Ctrl-C (never mind), Ctrl-D on an empty line (end). A client that does not negotiate, as nc, sends
 * lines and gets its echo too.
 */
#ifndef TELNETD_TERMINAL_H
#define TELNETD_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

enum { LINE_MAXIMUM = 256, OUTPUT_BYTES = 512 };

struct terminal {
  int in, out;
  int telnet; /* 0: the console, whose lines come edited */
  int gone;   /* the other side left, or was silent for too long */
  uint8_t state, verb; /* of a TELNET command that comes */
  uint8_t after_return; /* the last byte was a CR: an LF or NUL behind it belongs to it */
  unsigned subnegotiated; /* bytes of a subnegotiation so far */
  unsigned used;
  char output[OUTPUT_BYTES];
  unsigned next, got;
  unsigned char input[256];
};

void terminal_init(struct terminal *terminal, int in, int out, int telnet);

__attribute__((format(printf, 2, 3))) void terminal_print(struct terminal *terminal,
                                                          const char *format, ...);
void terminal_flush(struct terminal *terminal);

/* Reads a line, without its end. Its length, or -1: the session is over. */
int terminal_line(struct terminal *terminal, const char *prompt, char line[LINE_MAXIMUM]);

#endif
