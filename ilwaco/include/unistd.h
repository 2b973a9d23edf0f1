#ifndef ILWACO_UNISTD_H
#define ILWACO_UNISTD_H

#include <sys/types.h>

#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2

/* ilwaco/fd.c */
ssize_t read(int fd, void *buffer, size_t capacity);
ssize_t write(int fd, const void *buffer, size_t length);
int close(int fd);

/* ilwaco/fs/open.c: of files of a mounted archive; ESPIPE for anything else */
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
ssize_t pread(int fd, void *buffer, size_t capacity, off_t offset);
off_t lseek(int fd, off_t offset, int whence);

unsigned sleep(unsigned seconds);
int usleep(useconds_t microseconds);
int gethostname(char *name, size_t capacity);
pid_t getpid(void);
void _exit(int code) __attribute__((noreturn));

#endif
