/* Paths without what does not count: "/a//./b/" is "a/b". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

char *archive_path(const char *path, size_t length) {
  char *clean = malloc(length + 1), *to = clean;
  const char *at = path, *end = path + length;
  if (!clean) {
    errno = ENOMEM;
    return NULL;
  }
  while (at < end) {
    const char *slash = memchr(at, '/', (size_t)(end - at));
    size_t part = (size_t)((slash ? slash : end) - at);
    if (part == 2 && at[0] == '.' && at[1] == '.') {
      free(clean);
      errno = EINVAL;
      return NULL;
    }
    if (part && !(part == 1 && at[0] == '.')) {
      if (to > clean) *to++ = '/';
      memcpy(to, at, part);
      to += part;
    }
    at += part + 1;
  }
  *to = 0;
  return clean;
}
