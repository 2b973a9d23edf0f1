/* What programs ask of a descriptor by ioctl(); the numbers are those of Linux. */
#ifndef ILWACO_SYS_IOCTL_H
#define ILWACO_SYS_IOCTL_H

#define FIONREAD 0x541b /* int *: bytes that a read would give; of a datagram socket, of the next datagram */
#define TIOCOUTQ 0x5411 /* int *: bytes written that the peer has not acknowledged */
#define FIONBIO 0x5421  /* const int *: sets or clears O_NONBLOCK */

int ioctl(int fd, unsigned long request, ...);

#endif
