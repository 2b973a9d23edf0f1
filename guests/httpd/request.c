/* An HTTP/1.1 request head; see request.h. */
#include "request.h"

#include <string.h>
#include <strings.h>

size_t request_head_length(const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != '\n') continue;
    if (i + 1 < length && bytes[i + 1] == '\n') return i + 2;
    if (i + 2 < length && bytes[i + 1] == '\r' && bytes[i + 2] == '\n') return i + 3;
  }
  return 0;
}

/* Cuts the next line off, without its line end; NULL: there is none. */
static char *next_line(char **at, char *end) {
  char *line = *at;
  char *newline = memchr(line, '\n', (size_t)(end - line));
  if (!newline) return NULL;
  *at = newline + 1;
  if (newline > line && newline[-1] == '\r') newline--;
  *newline = 0;
  return line;
}

/* The characters of a token (RFC 9110 section 5.6.2), one bit each. */
static const unsigned token_characters[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

static int is_token(const char *text) {
  if (!*text) return 0;
  for (; *text; text++) {
    unsigned c = (unsigned char)*text;
    if (c > 127 || !(token_characters[c / 32] >> c % 32 & 1)) return 0;
  }
  return 1;
}

static int parse_version(const char *version, struct request *request) {
  if (strcmp(version, "HTTP/1.1") == 0) {
    request->keep_alive = 1;
  } else if (strcmp(version, "HTTP/1.0") == 0) {
    request->keep_alive = 0;
  } else {
    return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
  }
  return 0;
}

static int parse_request_line(char *line, struct request *request) {
  char *target = strchr(line, ' ');
  char *version = target ? strchr(target + 1, ' ') : NULL;
  if (!version) return 400;
  *target++ = 0;
  *version++ = 0;
  if (!is_token(line)) return 400;
  request->method = strcmp(line, "GET") == 0    ? METHOD_GET
                    : strcmp(line, "HEAD") == 0 ? METHOD_HEAD
                                                : METHOD_OTHER;
  if (strlen(target) > REQUEST_TARGET_MAXIMUM) return 414;
  if (strncasecmp(target, "http://", 7) == 0) { /* absolute form, as proxies send it */
    char *slash = strchr(target + 7, '/');
    target = slash ? slash : "/";
  }
  if (target[0] != '/') return 400;
  request->path = target;
  char *question = strchr(target, '?');
  request->query = "";
  if (question) {
    *question = 0;
    request->query = question + 1;
  }
  return parse_version(version, request);
}

/* Whether a comma-separated list has the word. */
static int lists(const char *list, const char *word) {
  size_t length = strlen(word);
  while (*list) {
    while (*list == ' ' || *list == '\t' || *list == ',') list++;
    size_t item = strcspn(list, ", \t");
    if (item == length && strncasecmp(list, word, length) == 0) return 1;
    list += item;
  }
  return 0;
}

static int parse_field(char *line, struct request *request, int *hosts) {
  char *colon = strchr(line, ':');
  if (!colon) return 400;
  *colon = 0;
  if (!is_token(line)) return 400;
  char *value = colon + 1 + strspn(colon + 1, " \t");
  if (strcasecmp(line, "Host") == 0) {
    ++*hosts;
  } else if (strcasecmp(line, "Connection") == 0) {
    if (lists(value, "close")) request->keep_alive = 0;
    if (lists(value, "keep-alive")) request->keep_alive = 1;
  } else if (strcasecmp(line, "Content-Length") == 0) {
    if (strcmp(value, "0") != 0) request->has_body = 1;
  } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
    request->has_body = 1;
  }
  return 0;
}

int request_parse(char *head, size_t length, struct request *request) {
  char *at = head, *end = head + length;
  memset(request, 0, sizeof *request);
  if (memchr(head, 0, length)) return 400;
  char *line = next_line(&at, end);
  if (!line) return 400;
  int status = parse_request_line(line, request);
  if (status) return status;
  int is_1_1 = request->keep_alive;
  int hosts = 0;
  while ((line = next_line(&at, end)) && *line) {
    status = parse_field(line, request, &hosts);
    if (status) return status;
  }
  if (hosts > 1 || (is_1_1 && hosts == 0)) return 400;
  if (request->has_body) request->keep_alive = 0;
  return 0;
}

long long request_number(const struct request *request, const char *key, long long maximum) {
  size_t length = strlen(key);
  for (const char *at = request->query; *at;) {
    if (strncmp(at, key, length) == 0 && at[length] == '=') {
      const char *digit = at + length + 1;
      long long value = 0;
      if (*digit < '0' || *digit > '9') return -1;
      for (; *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (*digit - '0');
        if (value > maximum) return -1;
      }
      return *digit == 0 || *digit == '&' ? value : -1;
    }
    at += strcspn(at, "&");
    if (*at) at++;
  }
  return -1;
}
