/* /burn: use the CPU for a while, in a thread of its own, so that other requests go on. */
#ifndef HTTPD_BURN_H
#define HTTPD_BURN_H

enum { BURN_MS_MAXIMUM = 60000 };

/* Burns for `milliseconds`, then answers on `fd` and closes it. 0: too many burn already, and `fd` is
 * still the caller's. */
int burn_start(int fd, unsigned milliseconds);

#endif
