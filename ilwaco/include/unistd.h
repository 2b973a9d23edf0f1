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

unsigned sleep(unsigned seconds);
int usleep(useconds_t microseconds);
int gethostname(char *name, size_t capacity);
pid_t getpid(void);
void _exit(int code) __attribute__((noreturn));

#endif
