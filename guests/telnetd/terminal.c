/* See terminal.h. */
#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, AYT = 246, IP = 244, SE = 240 };
enum { OPTION_ECHO = 1, OPTION_SUPPRESS_GO_AHEAD = 3 };
enum { DATA, COMMAND, OPTION, SUBNEGOTIATION, SUBNEGOTIATION_COMMAND };
enum { SUBNEGOTIATION_MAXIMUM = 4096 };
enum { KEY_CANCEL = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_ALL = 21, KEY_WORD = 23, KEY_DELETE = 127 };

void terminal_flush(struct terminal *t) {
  const char *at = t->output;
  while (t->used && !t->gone) {
    ssize_t sent = t->telnet ? send(t->out, at, t->used, MSG_NOSIGNAL) : write(t->out, at, t->used);
    if (sent <= 0) {
      t->gone = 1;
      break;
    }
    at += sent;
    t->used -= (unsigned)sent;
  }
  t->used = 0;
}

static void put(struct terminal *t, int c) {
  if (t->used == OUTPUT_BYTES) terminal_flush(t);
  t->output[t->used++] = (char)c;
}

/* Text: a line ends with CR LF on the network, and 255 is doubled. */
static void put_text(struct terminal *t, const char *text) {
  for (; *text; text++) {
    if (t->telnet && *text == '\n') put(t, '\r');
    if (t->telnet && (unsigned char)*text == IAC) put(t, IAC);
    put(t, *text);
  }
}

void terminal_print(struct terminal *t, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_text(t, text);
}

static void put_option(struct terminal *t, int verb, int option) {
  put(t, IAC);
  put(t, verb);
  put(t, option);
}

void terminal_init(struct terminal *t, int in, int out, int telnet) {
  memset(t, 0, sizeof *t);
  t->in = in;
  t->out = out;
  t->telnet = telnet;
  if (!telnet) return;
  put_option(t, WILL, OPTION_ECHO);
  put_option(t, WILL, OPTION_SUPPRESS_GO_AHEAD);
}

static int next_byte(struct terminal *t) {
  if (t->next == t->got) {
    terminal_flush(t);
    if (t->gone) return -1;
    ssize_t got = read(t->in, t->input, sizeof t->input);
    if (got <= 0) {
      t->gone = 1;
      return -1;
    }
    t->next = 0;
    t->got = (unsigned)got;
  }
  return t->input[t->next++];
}

/* What we have offered is ours; anything else is refused. Refusals get no answer (RFC 854). */
static void on_option(struct terminal *t, int option) {
  if (t->verb == WILL) put_option(t, DONT, option);
  if (t->verb == DO && option != OPTION_ECHO && option != OPTION_SUPPRESS_GO_AHEAD) {
    put_option(t, WONT, option);
  }
}

/* A byte of the user's, or -1: there is none in this one; a TELNET command is. */
static int take(struct terminal *t, int c) {
  switch (t->state) {
    case COMMAND:
      t->state = DATA;
      if (c == IAC) return c;
      if (c == IP) return KEY_CANCEL;
      if (c == AYT) terminal_print(t, "\n[yes]\n");
      if (c >= WILL && c <= DONT) {
        t->verb = (uint8_t)c;
        t->state = OPTION;
      }
      if (c == SB) {
        t->subnegotiated = 0;
        t->state = SUBNEGOTIATION;
      }
      return -1;
    case OPTION:
      t->state = DATA;
      on_option(t, c);
      return -1;
    case SUBNEGOTIATION:
      if (c == IAC) t->state = SUBNEGOTIATION_COMMAND;
      if (++t->subnegotiated > SUBNEGOTIATION_MAXIMUM) t->gone = 1;
      return -1;
    case SUBNEGOTIATION_COMMAND:
      t->state = c == SE ? DATA : SUBNEGOTIATION;
      return -1;
    default:
      if (c != IAC) return c;
      t->state = COMMAND;
      return -1;
  }
}

static int next_key(struct terminal *t) {
  for (;;) {
    int c = next_byte(t);
    if (c < 0) return -1;
    if (t->telnet) c = take(t, c);
    if (t->gone) return -1;
    if (c < 0) continue;
    int follows = t->after_return && (c == '\n' || c == 0);
    t->after_return = c == '\r';
    if (!follows) return c == '\r' ? '\n' : c;
  }
}

static void rub_out(struct terminal *t, int *length, int count) {
  for (; count > 0 && *length > 0; count--, --*length) {
    if (t->telnet) put_text(t, "\b \b");
  }
}

int terminal_line(struct terminal *t, const char *prompt, char line[LINE_MAXIMUM]) {
  int length = 0;
  put_text(t, prompt);
  for (;;) {
    int key = next_key(t);
    if (key < 0 || (key == KEY_END && !length)) return -1;
    if (key == '\n') {
      if (t->telnet) put_text(t, "\n");
      line[length] = 0;
      return length;
    }
    if (key == KEY_CANCEL) {
      put_text(t, "^C\n");
      put_text(t, prompt);
      length = 0;
    } else if (key == KEY_BACKSPACE || key == KEY_DELETE) {
      rub_out(t, &length, 1);
    } else if (key == KEY_ALL) {
      rub_out(t, &length, length);
    } else if (key == KEY_WORD) {
      int count = 0;
      while (count < length && line[length - 1 - count] == ' ') count++;
      while (count < length && line[length - 1 - count] != ' ') count++;
      rub_out(t, &length, count);
    } else if (key >= ' ' && length < LINE_MAXIMUM - 1) {
      line[length++] = (char)key;
      char echo[] = {(char)key, 0};
      if (t->telnet) put_text(t, echo);
    } else if (t->telnet) {
      put(t, 7); /* the bell: it does not fit, or means nothing here */
    }
  }
}
