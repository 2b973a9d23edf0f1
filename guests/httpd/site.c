/* See site.h. */
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static const char *root; /* NULL: there is no site */

#if __has_include(<ilwaco.h>) && !defined DENALI_NATIVE
#include <denali/block.h>
#include <denali/tar.h>

int site_open(void) {
  const char *disk = getenv("disk");
  if (!disk && !block_devices()) return 0;
  int device = disk ? block_find(disk) : 0;
  if (device >= 0 && tar_mount(device) == 0) {
    root = "";
    return 0;
  }
  fprintf(stderr, "httpd: disk %s: %s%s\n", disk ? disk : "0", strerror(errno),
          errno == EBADMSG ? "; expected an archive made by tar" : "");
  return -1;
}
#else
int site_open(void) {
  root = getenv("root");
  return 0;
}
#endif

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of the file with %XX decoded. 0: it is none that may be asked for. */
static int decode(const char *path, char *to, size_t room) {
  size_t used = 0;
  for (; *path; path++) {
    int c = (unsigned char)*path;
    if (c == '%') {
      int high = hex(path[1]), low = high < 0 ? -1 : hex(path[2]);
      if (low < 0 || (high | low) == 0) return 0;
      c = high << 4 | low;
      path += 2;
    }
    if (used + 1 >= room) return 0;
    to[used++] = (char)c;
  }
  to[used] = 0;
  for (const char *part = to; part; part = strchr(part, '/')) {
    part += *part == '/';
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0)) return 0;
    if (!*part) break;
  }
  return 1;
}

static const char *type_of(const char *path) {
  static const char *const types[][2] = {{"html", "text/html; charset=utf-8"},
                                         {"css", "text/css; charset=utf-8"},
                                         {"js", "text/javascript; charset=utf-8"},
                                         {"json", "application/json"},
                                         {"txt", "text/plain; charset=utf-8"},
                                         {"md", "text/markdown; charset=utf-8"},
                                         {"xml", "application/xml"},
                                         {"svg", "image/svg+xml"},
                                         {"png", "image/png"},
                                         {"jpg", "image/jpeg"},
                                         {"jpeg", "image/jpeg"},
                                         {"gif", "image/gif"},
                                         {"webp", "image/webp"},
                                         {"ico", "image/x-icon"},
                                         {"pdf", "application/pdf"},
                                         {"wasm", "application/wasm"},
                                         {"woff2", "font/woff2"}};
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++) {
    if (strcasecmp(dot + 1, types[i][0]) == 0) return types[i][1];
  }
  return "application/octet-stream";
}

int site_find(const char *path, struct site_file *file) {
  char name[PATH_BYTES];
  struct stat status;
  if (!root) return 404;
  size_t used = strlen(root);
  if (used >= sizeof name) return 404;
  memcpy(name, root, used);
  if (!decode(path, name + used, sizeof name - used - sizeof "index.html")) return 400;
  size_t length = strlen(name);
  if (name[length - 1] == '/') strcpy(name + length, "index.html");
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 404 : 500;
  if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
    int is_folder = S_ISDIR(status.st_mode);
    close(fd);
    return is_folder ? 301 : 404;
  }
  file->fd = fd;
  file->size = (uint64_t)status.st_size;
  file->type = type_of(name);
  snprintf(file->etag, sizeof file->etag, "\"%llx-%llx\"", (unsigned long long)status.st_mtime,
           (unsigned long long)status.st_size);
  return 200;
}
