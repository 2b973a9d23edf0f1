/*
 * A disk made by plain `tar` as a tree of files that can be read: tar -cf disk.img -C site .
 *
 * Understood: ustar with its prefix, GNU long names, pax headers (path, size, mtime), hard links to
 * files that came before, sizes in base 256. Left out, as if it were not there: symbolic links, devices,
 * sparse files, and names with "..". Of two entries with the same name the later one counts.
 *
 * Nothing in the archive is believed: an archive in which a checksum or a number is wrong, or which is
 * shorter than what it says, is refused as a whole.
 */
#ifndef DENALI_TAR_H
#define DENALI_TAR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tar;

struct tar_entry {
  const char *path; /* "a/b", without a slash before or behind; "" is the root */
  uint64_t size, offset; /* bytes; offset on the disk */
  int64_t mtime;         /* seconds since 1970 */
  int is_folder;
};

/* Reads all headers. NULL and errno: EBADMSG (no archive, or a damaged one), ENOMEM, EFBIG (more than TAR_ENTRIES_MAXIMUM
 * entries), or what the disk says. */
struct tar *tar_open(int device);
void tar_close(struct tar *tar);

enum { TAR_ENTRIES_MAXIMUM = 1 << 18 };

/* The entry of a path; slashes before, behind and twice do not count. NULL: there is none. */
const struct tar_entry *tar_find(const struct tar *tar, const char *path);

/* Entry `index` in the order of the paths, or NULL. */
const struct tar_entry *tar_entry_at(const struct tar *tar, size_t index);

/* Bytes of a file from `at` on, fewer at its end; or -1 and errno. Any number of threads. */
ssize_t tar_read(struct tar *tar, const struct tar_entry *entry, uint64_t at, void *to, size_t length);

/* Makes an archive what open() and stat() see. In a VM; 0, or -1 and errno. */
int tar_mount(int device);

#endif
