/* Archives; see denali/tar.h. POSIX.1-2017 pax, section "ustar Interchange Format", and GNU tar. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

enum { SECTOR = 512, NAME_MAXIMUM = 4096, PAX_MAXIMUM = 65536, SKIP = -1 };

struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[8], owner[32], group[32], device[16], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == SECTOR, "a header fills a sector");

/* What headers before an entry say of it. */
struct extra {
  char *path, *link;
  int64_t size, mtime; /* -1: nothing is said */
};

struct scan {
  struct tar *tar;
  uint64_t at; /* of the next header */
  struct extra extra;
};

static void forget(struct extra *extra) {
  free(extra->path);
  free(extra->link);
  *extra = (struct extra){.size = -1, .mtime = -1};
}

/* Octal, or base 256 if the highest bit is set. -1: it is neither, or too large. */
static int64_t number_in(const char *field, int length) {
  int64_t value = 0;
  int i = 0;
  if ((uint8_t)field[0] & 0x80) {
    if ((uint8_t)field[0] != 0x80) return -1;
    for (i = 1; i < length; i++) {
      if (value >> 48) return -1;
      value = value << 8 | (uint8_t)field[i];
    }
    return value;
  }
  while (i < length && field[i] == ' ') i++;
  for (; i < length && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (field[i] - '0');
  return i == length || field[i] == ' ' || field[i] == 0 ? value : -1;
}

static int is_blank(const struct header *h) {
  const uint8_t *bytes = (const uint8_t *)h;
  for (int i = 0; i < SECTOR; i++) {
    if (bytes[i]) return 0;
  }
  return 1;
}

static int is_sound(const struct header *h) {
  const uint8_t *bytes = (const uint8_t *)h;
  size_t field = offsetof(struct header, checksum);
  int64_t sum = 0;
  for (size_t i = 0; i < SECTOR; i++) {
    sum += i >= field && i < field + sizeof h->checksum ? ' ' : bytes[i];
  }
  return number_in(h->checksum, sizeof h->checksum) == sum;
}

/* --- names */

static char *copy_text(const char *bytes, size_t length) {
  char *text = malloc(length + 1);
  if (!text) return NULL;
  memcpy(text, bytes, length);
  text[length] = 0;
  return text;
}

/* 0, an errno, or SKIP: the name is none that can be asked for. */
static int name_of(const struct header *h, const struct extra *extra, char **path) {
  char joined[sizeof h->prefix + 1 + sizeof h->name];
  const char *name = extra->path;
  size_t length = name ? strlen(name) : 0;
  if (!name) {
    size_t prefix = memcmp(h->magic, "ustar", 6) == 0 ? strnlen(h->prefix, sizeof h->prefix) : 0;
    memcpy(joined, h->prefix, prefix);
    if (prefix) joined[prefix++] = '/';
    length = strnlen(h->name, sizeof h->name);
    memcpy(joined + prefix, h->name, length);
    length += prefix;
    name = joined;
  }
  *path = archive_path(name, length);
  if (*path) return 0;
  return errno == EINVAL ? SKIP : errno;
}

/* The data of a header that is about the next one. */
static int read_data(struct scan *scan, int64_t size, int64_t maximum, char **data) {
  if (size > maximum) return EBADMSG;
  *data = malloc((size_t)size + 1);
  if (!*data) return ENOMEM;
  int error = archive_fetch(scan->tar, scan->at, *data, (size_t)size);
  (*data)[size] = 0;
  if (error) free(*data);
  return error;
}

/* A decimal number, perhaps with a fraction, which is cut off. */
static int decimal(const char *text, const char *end, int64_t *value) {
  int64_t number = 0;
  const char *at = text;
  for (; at < end && *at >= '0' && *at <= '9'; at++) {
    if (number > INT64_MAX / 10 - 1) return 0;
    number = number * 10 + (*at - '0');
  }
  if (at == text || (at < end && *at != '.')) return 0;
  *value = number;
  return 1;
}

/* One "KEY=VALUE" of a pax header. 0 or an errno. */
static int pax_field(struct extra *extra, const char *text, const char *end) {
  const char *value = memchr(text, '=', (size_t)(end - text));
  if (!value) return EBADMSG;
  size_t key = (size_t)(value++ - text);
  if (key == 4 && memcmp(text, "path", 4) == 0) {
    free(extra->path);
    extra->path = copy_text(value, (size_t)(end - value));
    return extra->path ? 0 : ENOMEM;
  }
  if (key == 8 && memcmp(text, "linkpath", 8) == 0) {
    free(extra->link);
    extra->link = copy_text(value, (size_t)(end - value));
    return extra->link ? 0 : ENOMEM;
  }
  if (key == 4 && memcmp(text, "size", 4) == 0) {
    return decimal(value, end, &extra->size) ? 0 : EBADMSG;
  }
  if (key == 5 && memcmp(text, "mtime", 5) == 0) decimal(value, end, &extra->mtime);
  return 0;
}

/* Lines of "LENGTH KEY=VALUE\n", where the length counts the whole line. */
static int read_pax(struct scan *scan, int64_t size) {
  char *data;
  int error = read_data(scan, size, PAX_MAXIMUM, &data);
  if (error) return error;
  const char *at = data, *end = data + size;
  while (!error && at < end && *at) {
    int64_t length;
    const char *space = memchr(at, ' ', (size_t)(end - at));
    if (!space || !decimal(at, space, &length) || length > end - at || at + length <= space + 1 ||
        at[length - 1] != '\n') {
      error = EBADMSG;
      break;
    }
    error = pax_field(&scan->extra, space + 1, at + length - 1);
    at += length;
  }
  free(data);
  return error;
}

/* --- entries */

static int add(struct tar *tar, char *path, const struct tar_entry *entry) {
  if (tar->count == TAR_ENTRIES_MAXIMUM) return EFBIG;
  if (tar->count == tar->capacity) {
    size_t larger = tar->capacity ? tar->capacity * 2 : 16;
    struct tar_entry *more = realloc(tar->entries, larger * sizeof *more);
    if (!more) return ENOMEM;
    tar->entries = more;
    tar->capacity = larger;
  }
  tar->entries[tar->count] = *entry;
  tar->entries[tar->count++].path = path;
  return 0;
}

/* A hard link is the file that it names, which stands before it. */
static int link_to(struct scan *scan, const struct header *h, struct tar_entry *entry) {
  const char *name = scan->extra.link ? scan->extra.link : h->link;
  size_t length = scan->extra.link ? strlen(name) : strnlen(h->link, sizeof h->link);
  char *path = archive_path(name, length);
  if (!path) return errno == EINVAL ? SKIP : errno;
  int error = SKIP;
  for (size_t i = scan->tar->count; i-- > 0 && error;) {
    if (strcmp(scan->tar->entries[i].path, path) != 0) continue;
    *entry = scan->tar->entries[i];
    error = 0;
  }
  free(path);
  return error;
}

/* 0, an errno, or SKIP. */
static int take(struct scan *scan, const struct header *h, int64_t size) {
  struct tar_entry entry = {.size = (uint64_t)size, .offset = scan->at, .mtime = scan->extra.mtime};
  int is_file = h->type == '0' || h->type == 0 || h->type == '7';
  if (entry.mtime < 0) entry.mtime = number_in(h->mtime, sizeof h->mtime);
  if (entry.mtime < 0) entry.mtime = 0;
  entry.is_folder = h->type == '5';
  if (!is_file && !entry.is_folder && h->type != '1') return SKIP;
  int error = h->type == '1' ? link_to(scan, h, &entry) : 0;
  char *path;
  if (!error) error = name_of(h, &scan->extra, &path);
  if (error) return error;
  /* Before there was a type for folders, a slash behind the name told them. */
  size_t length = strnlen(h->name, sizeof h->name);
  if (is_file && !scan->extra.path && length && h->name[length - 1] == '/') entry.is_folder = 1;
  if (entry.is_folder) entry.size = 0;
  error = *path ? add(scan->tar, path, &entry) : SKIP;
  if (error) free(path);
  return error;
}

/* The header at `at`, and what follows it. 1: go on; 0: the end; or -errno. */
static int step(struct scan *scan) {
  struct header h;
  uint64_t end = (uint64_t)scan->tar->blocks * BLOCK_BYTES;
  if (end - scan->at < SECTOR) return 0;
  int error = archive_fetch(scan->tar, scan->at, &h, SECTOR);
  if (error) return -error;
  if (is_blank(&h)) return 0;
  int64_t size = number_in(h.size, sizeof h.size);
  if (!is_sound(&h) || size < 0) return -EBADMSG;
  int about_next = h.type == 'L' || h.type == 'K' || h.type == 'x' || h.type == 'g';
  if (!about_next && scan->extra.size >= 0) size = scan->extra.size;
  /* Links and folders have no data, whatever is said. */
  if (h.type == '1' || h.type == '2' || h.type == '5') size = 0;
  scan->at += SECTOR;
  if ((uint64_t)size > end - scan->at) return -EBADMSG;
  if (h.type == 'S' && h.rest[0]) return -EBADMSG; /* more headers of a sparse file */
  char **name = h.type == 'L' ? &scan->extra.path : h.type == 'K' ? &scan->extra.link : NULL;
  if (name) {
    free(*name);
    *name = NULL;
    error = read_data(scan, size, NAME_MAXIMUM, name);
    if (error) *name = NULL;
  } else if (h.type == 'x') {
    error = read_pax(scan, size);
  } else if (h.type != 'g') {
    error = take(scan, &h, size);
    forget(&scan->extra);
  }
  if (error && error != SKIP) return -error;
  uint64_t padded = ((uint64_t)size + SECTOR - 1) / SECTOR * SECTOR;
  scan->at = padded > end - scan->at ? end : scan->at + padded;
  return 1;
}

static int compare(const void *a, const void *b) {
  const struct tar_entry *x = a, *y = b;
  int order = strcmp(x->path, y->path);
  return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* In the order of the paths; of the same path the one that came last. */
static void sort(struct tar *tar) {
  size_t kept = 0;
  if (!tar->count) return;
  qsort(tar->entries, tar->count, sizeof *tar->entries, compare);
  for (size_t i = 0; i < tar->count; i++) {
    if (i + 1 < tar->count && strcmp(tar->entries[i].path, tar->entries[i + 1].path) == 0) {
      free((char *)tar->entries[i].path);
    } else {
      tar->entries[kept++] = tar->entries[i];
    }
  }
  tar->count = kept;
}

struct tar *tar_open(int device) {
  struct block_info info;
  if (block_info(device, &info) < 0) return NULL;
  struct tar *tar = calloc(1, sizeof *tar);
  if (!tar) {
    errno = ENOMEM;
    return NULL;
  }
  pthread_mutex_init(&tar->lock, NULL);
  tar->device = device;
  tar->blocks = info.blocks;
  struct scan scan = {.tar = tar, .extra = {.size = -1, .mtime = -1}};
  int result;
  while ((result = step(&scan)) > 0) continue;
  forget(&scan.extra);
  if (result == 0) {
    sort(tar);
    return tar;
  }
  tar_close(tar);
  errno = -result;
  return NULL;
}

void tar_close(struct tar *tar) {
  for (size_t i = 0; i < tar->count; i++) free((char *)tar->entries[i].path);
  for (int i = 0; i < LINES; i++) free(tar->lines[i].bytes);
  pthread_mutex_destroy(&tar->lock);
  free(tar->entries);
  free(tar);
}

static int by_path(const void *key, const void *entry) {
  return strcmp(key, ((const struct tar_entry *)entry)->path);
}

const struct tar_entry *tar_find(const struct tar *tar, const char *path) {
  static const struct tar_entry root = {.path = "", .is_folder = 1};
  char *clean = archive_path(path, strlen(path));
  if (!clean) return NULL;
  const struct tar_entry *found = *clean ? NULL : &root;
  if (!found && tar->count) {
    found = bsearch(clean, tar->entries, tar->count, sizeof *tar->entries, by_path);
  }
  free(clean);
  return found;
}

const struct tar_entry *tar_entry_at(const struct tar *tar, size_t index) {
  return index < tar->count ? &tar->entries[index] : NULL;
}

ssize_t tar_read(struct tar *tar, const struct tar_entry *entry, uint64_t at, void *to,
                 size_t length) {
  if (at >= entry->size) return 0;
  if (length > entry->size - at) length = (size_t)(entry->size - at);
  int error = archive_fetch(tar, entry->offset + at, to, length);
  if (!error) return (ssize_t)length;
  errno = error;
  return -1;
}
