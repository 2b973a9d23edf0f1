/* An HTTP/1.1 request head; see request.h. */
#include "request.h"

#include <string.h>
#include <strings.h>

size_t request_head_length(const char *bytes, size_t length) {
  const char *at = bytes, *end = bytes + length;
  while ((at = memchr(at, '\n', (size_t)(end - at)))) {
    at++;
    if (at < end && at[0] == '\n') return (size_t)(at + 1 - bytes);
    if (at + 1 < end && at[0] == '\r' && at[1] == '\n') return (size_t)(at + 2 - bytes);
  }
  return 0;
}

/* Cuts the next line off, without its line end, for a NUL; NULL: there is none. */
static char *next_line(char **at, char *end, size_t *length) {
  char *line = *at;
  char *newline = memchr(line, '\n', (size_t)(end - line));
  if (!newline) return NULL;
  *at = newline + 1;
  if (newline > line && newline[-1] == '\r') newline--;
  *newline = 0;
  *length = (size_t)(newline - line);
  return line;
}

/* The characters of a token (RFC 9110 section 5.6.2). */
static const unsigned char token_characters[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['!'] = 1, ['#' ... '\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^' ... '`'] = 1, ['|'] = 1, ['~'] = 1,
};

/* Length of the token that the text begins with. */
static size_t token_length(const char *text) {
  const char *end = text;
  while (token_characters[(unsigned char)*end]) end++;
  return (size_t)(end - text);
}

/* Whether `length` bytes are a text; gcc compares so few by itself. */
#define ARE(bytes, length, text) \
  ((length) == sizeof text - 1 && memcmp(bytes, text, sizeof text - 1) == 0)

static int parse_version(const char *version, size_t length, struct request *request) {
  if (ARE(version, length, "HTTP/1.1")) {
    request->keep_alive = 1;
  } else if (ARE(version, length, "HTTP/1.0")) {
    request->keep_alive = 0;
    request->is_old = 1;
  } else {
    return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
  }
  return 0;
}

static int parse_request_line(char *line, size_t length, struct request *request) {
  char *line_end = line + length;
  size_t method = token_length(line);
  if (!method || line[method] != ' ') return 400;
  char *target = line + method + 1;
  char *end = memchr(target, ' ', (size_t)(line_end - target));
  if (!end) return 400;
  *end = 0;
  request->method = ARE(line, method, "GET")    ? METHOD_GET
                    : ARE(line, method, "HEAD") ? METHOD_HEAD
                                                : METHOD_OTHER;
  if (end - target > REQUEST_TARGET_MAXIMUM) return 414;
  if (target[0] != '/') { /* absolute form, as proxies send it */
    if (strncasecmp(target, "http://", 7) != 0) return 400;
    target += 7;
    char *slash = memchr(target, '/', (size_t)(end - target));
    target = slash ? slash : end;
  }
  request->path = target < end ? target : "/";
  request->query = end;
  char *question = memchr(target, '?', (size_t)(end - target));
  if (question) {
    *question = 0;
    request->query = question + 1;
  }
  return parse_version(end + 1, (size_t)(line_end - (end + 1)), request);
}

static int is_word(const char *text, size_t length, const char *word, size_t word_length) {
  return length == word_length && strncasecmp(text, word, length) == 0;
}
#define IS(text, length, word) is_word(text, length, word, sizeof word - 1)

/* The comma-separated list of a Connection field. */
static void parse_connection(const char *list, struct request *request) {
  int close = 0, keep_alive = 0;
  while (*list) {
    size_t length = token_length(list);
    if (IS(list, length, "close")) close = 1;
    if (IS(list, length, "keep-alive")) keep_alive = 1;
    list += length ? length : 1;
  }
  if (keep_alive) request->keep_alive = 1;
  if (close) request->keep_alive = 0;
}

/* Notes the value of a field that may come once. */
static void note(char **field, char *value) {
  static char twice[] = "";
  size_t length = strlen(value);
  while (length && (value[length - 1] == ' ' || value[length - 1] == '\t')) value[--length] = 0;
  *field = *field ? twice : value;
}

static int parse_field(char *line, struct request *request, int *hosts) {
  size_t name = token_length(line);
  if (!name || line[name] != ':') return 400;
  char *value = line + name + 1;
  while (*value == ' ' || *value == '\t') value++;
  if (IS(line, name, "Host")) {
    ++*hosts;
  } else if (IS(line, name, "Connection")) {
    parse_connection(value, request);
  } else if (IS(line, name, "Range")) {
    note(&request->range, value);
  } else if (IS(line, name, "If-Range")) {
    note(&request->if_range, value);
  } else if (IS(line, name, "If-None-Match")) {
    note(&request->if_none_match, value);
  } else if (IS(line, name, "Content-Length")) {
    if (strcmp(value, "0") != 0) request->has_body = 1;
  } else if (IS(line, name, "Transfer-Encoding")) {
    request->has_body = 1;
  }
  return 0;
}

int request_parse(char *head, size_t length, struct request *request) {
  char *at = head, *end = head + length;
  memset(request, 0, sizeof *request);
  if (memchr(head, 0, length)) return 400;
  size_t line_length;
  char *line = next_line(&at, end, &line_length);
  if (!line) return 400;
  int status = parse_request_line(line, line_length, request);
  if (status) return status;
  int hosts = 0;
  while ((line = next_line(&at, end, &line_length)) && line_length) {
    status = parse_field(line, request, &hosts);
    if (status) return status;
  }
  if (hosts > 1 || (!request->is_old && hosts == 0)) return 400;
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
