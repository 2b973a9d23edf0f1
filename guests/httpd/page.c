/* The texts this server answers with; see page.h. */
#include "page.h"

#include <stdio.h>
#include <string.h>

#include "../common/net.h"
#include "machine.h"

struct status {
  int code;
  const char *line, *help;
};

static const struct status statuses[] = {
    {200, "200 OK", ""},
    {400, "400 Bad Request",
     "Expected an HTTP/1.1 request with a Host, and numbers within their range."},
    {206, "206 Partial Content", ""},
    {301, "301 Moved Permanently", ""},
    {304, "304 Not Modified", ""},
    {404, "404 Not Found", "There are /, /doc?bytes=N, /burn?ms=N and /crash, and the files of a disk."},
    {405, "405 Method Not Allowed", "Use GET or HEAD."},
    {408, "408 Request Timeout", "The request did not arrive within ten seconds."},
    {414, "414 URI Too Long", "A target may have 2048 bytes."},
    {416, "416 Range Not Satisfiable", "The document ends before the range begins."},
    {431, "431 Request Header Fields Too Large", "A request head may have 8192 bytes."},
    {500, "500 Internal Server Error", "The file could not be read. Ask who runs this server."},
    {503, "503 Service Unavailable", "Too many requests burn already. Try again later."},
    {505, "505 HTTP Version Not Supported", "Use HTTP/1.1 or HTTP/1.0."},
};

static const struct status *find(int code) {
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    if (statuses[i].code == code) return &statuses[i];
  }
  return &statuses[1]; /* 400 */
}

const char *page_status(int status) { return find(status)->line; }

size_t page_error(char text[PAGE_MAXIMUM], int status) {
  const struct status *s = find(status);
  return (size_t)snprintf(text, PAGE_MAXIMUM, "%s\n%s\n", s->line, s->help);
}

/* The VM's name, safe inside HTML. */
static void escape_name(char *safe, size_t capacity, const char *name) {
  size_t at = 0;
  for (int i = 0; i < 64 && name[i] && at + 7 < capacity; i++) {
    char c = name[i];
    if (c == '<' || c == '>' || c == '&' || c == '"') {
      at += (size_t)snprintf(safe + at, capacity - at, "&#%d;", c);
    } else {
      safe[at++] = c;
    }
  }
  safe[at] = 0;
}

/* What never changes is written once. */
static char front[PAGE_MAXIMUM] LARGE("1.3.front");
static size_t front_length;

static void write_front(void) {
  char name[256];
  struct machine machine;
  machine_describe(&machine);
  escape_name(name, sizeof name, machine.name);
  int length = snprintf(front, sizeof front,
                        "<!doctype html>\n"
                        "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s</title></head>\n"
                        "<body><h1>%s</h1>\n"
                        "<pre>\n"
                        "name: %s\n"
                        "id: %u\n"
                        "address: %s\n"
                        "memory: %u KiB\n",
                        name, name, name, machine.id, machine.address,
                        (unsigned)(machine.memory / 1024));
  front_length = (size_t)length;
}

size_t page_front(char text[PAGE_MAXIMUM], unsigned requests) {
  if (!front_length) write_front();
  memcpy(text, front, front_length);
  uint64_t uptime_ms = machine_uptime_us() / 1000;
  int length = snprintf(text + front_length, PAGE_MAXIMUM - front_length,
                        "uptime: %u.%03u s\n"
                        "requests: %u\n"
                        "</pre>\n"
                        "<p><a href=\"/doc?bytes=1000\">document</a> "
                        "<a href=\"/burn?ms=100\">burn</a></p>\n"
                        "</body></html>\n",
                        (unsigned)(uptime_ms / 1000), (unsigned)(uptime_ms % 1000), requests);
  return front_length + (size_t)length;
}
