/* Status flags of a descriptor. There is no file system: open() does not exist yet. */
#ifndef ILWACO_FCNTL_H
#define ILWACO_FCNTL_H

#define O_RDONLY 00
#define O_WRONLY 01
#define O_RDWR 02
#define O_ACCMODE 03
#define O_NONBLOCK 04000

#define F_GETFD 1
#define F_SETFD 2 /* accepted, without meaning: there is no exec */
#define F_GETFL 3
#define F_SETFL 4
#define FD_CLOEXEC 1

int fcntl(int fd, int command, ...);

#endif
