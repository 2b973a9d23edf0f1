/* There are no signals. The names are here so that portable servers can ignore SIGPIPE. */
#ifndef ILWACO_SIGNAL_H
#define ILWACO_SIGNAL_H

typedef int sig_atomic_t;
typedef void (*sighandler_t)(int);

#define SIG_DFL ((sighandler_t)0)
#define SIG_IGN ((sighandler_t)1)
#define SIG_ERR ((sighandler_t)-1)

#define SIGHUP 1
#define SIGINT 2
#define SIGABRT 6
#define SIGFPE 8
#define SIGSEGV 11
#define SIGPIPE 13
#define SIGTERM 15

/* Remembers the handler and never calls it, except for SIGTERM: the operator's request to end. */
sighandler_t signal(int number, sighandler_t handler);

#endif
