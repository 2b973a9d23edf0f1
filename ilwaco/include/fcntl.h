/* Status flags of a descriptor, and the files of a mounted archive (denali/tar.h), which can only be read. */
#ifndef ILWACO_FCNTL_H
#define ILWACO_FCNTL_H

#define O_RDONLY 00
#define O_WRONLY 01
#define O_RDWR 02
#define O_ACCMODE 03
#define O_CREAT 0100 /* of what is not there: EROFS */
#define O_TRUNC 01000
#define O_NONBLOCK 04000
#define O_CLOEXEC 02000000 /* accepted, without meaning: there is no exec */

#define F_GETFD 1
#define F_SETFD 2 /* accepted, without meaning: there is no exec */
#define F_GETFL 3
#define F_SETFL 4
#define FD_CLOEXEC 1

int fcntl(int fd, int command, ...);

/* ENOENT, EROFS for anything but reading. Before tar_mount there is nothing. */
int open(const char *path, int flags, ...);

#endif
