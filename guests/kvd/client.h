/* One client: commands in, answers out, never blocks. */
#ifndef KVD_CLIENT_H
#define KVD_CLIENT_H

#include "parse.h"
#include "reply.h"

struct client {
  int fd;
  struct parser parser;
  struct reply reply;
  int ending; /* nothing is read any more; closed when all is sent */
  int writes; /* waits for room to write */
  struct client *next_busy;
  int busy; /* has something to send, or to go on with */
};

void client_init(struct client *client, int fd);
void client_close(struct client *client);

/* Reads what has come and runs commands; the answers wait. 0: the client is gone. */
int client_read(struct client *client);

/* Goes on with commands that have come and were left; 1: some are still left. */
int client_run(struct client *client);

/* Sends what waits. 0: the client is gone, or has all that it gets. */
int client_write(struct client *client);

#endif
