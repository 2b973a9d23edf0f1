/* What open() finds: files and folders of a mounted archive (denali/tar.h). All can be read by everybody. */
#ifndef ILWACO_SYS_STAT_H
#define ILWACO_SYS_STAT_H

#include <sys/types.h>

#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_ISDIR(mode) (((mode) & S_IFMT) == S_IFDIR)
#define S_ISREG(mode) (((mode) & S_IFMT) == S_IFREG)

struct stat {
  mode_t st_mode;
  off_t st_size;
  time_t st_mtime;
};

int stat(const char *path, struct stat *status);
int fstat(int fd, struct stat *status);

#endif
