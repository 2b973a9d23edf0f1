/*
 * telnetd: a shell over TELNET and over the console, with commands to look at the guest from within.
 *
 * Settings: port (23), sessions (most at once; 8), idle_s (seconds of silence that end a session; 600).
 * Nobody is asked for a password: publish the port only to whom you would show the console, too.
 *
 * A thread for each session. When the console's input ends, its session does, and the others go on.
 */
#include <denali.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/net.h"
#include "shell.h"

enum { BACKLOG = 16, STACK_BYTES = 16384 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned sessions, sessions_maximum, idle_s;

static unsigned setting(const char *name, unsigned fallback) {
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static void *console(void *unused) {
  struct terminal *terminal = malloc(sizeof *terminal);
  if (!terminal) return unused;
  terminal_init(terminal, STDIN_FILENO, STDOUT_FILENO, 0);
  shell_run(terminal);
  free(terminal);
  return NULL;
}

static void *session(void *argument) {
  int fd = (int)(intptr_t)argument;
  struct terminal *terminal = malloc(sizeof *terminal);
  net_patience(fd, idle_s * 1000);
  if (terminal) {
    terminal_init(terminal, fd, fd, 1);
    shell_run(terminal);
  }
  free(terminal);
  close(fd);
  pthread_mutex_lock(&lock);
  sessions--;
  pthread_mutex_unlock(&lock);
  return NULL;
}

static int start(void *(*run)(void *), void *argument, const char *name) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int error = pthread_create(&thread, &attributes, run, argument);
  if (!error) pthread_setname_np(thread, name);
  return error == 0;
}

static void on_client(int fd) {
  static const char full[] = "too many sessions; try again later\r\n";
  pthread_mutex_lock(&lock);
  int room = sessions < sessions_maximum;
  sessions += (unsigned)room;
  pthread_mutex_unlock(&lock);
  if (room && start(session, (void *)(intptr_t)fd, "session")) return;
  pthread_mutex_lock(&lock);
  sessions -= (unsigned)room;
  pthread_mutex_unlock(&lock);
  send(fd, full, sizeof full - 1, MSG_NOSIGNAL);
  close(fd);
}

int main(void) {
  unsigned port = setting("port", 23);
  sessions_maximum = setting("sessions", 8);
  idle_s = setting("idle_s", 600);
  int listener = net_bind(SOCK_STREAM, port, BACKLOG);
  if (listener < 0) {
    fprintf(stderr, "telnetd: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  printf("telnetd: listening on port %u\n", port);
  fflush(stdout);
  start(console, NULL, "console");
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0) on_client(fd);
    else if (errno != EINTR && errno != ECONNABORTED) usleep(100000);
  }
}
