/* See client.h. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "database.h"
#include "memory.h"

enum {
  READ_BYTES = 16384,
  COMMANDS_PER_TURN = 1000,
  ANSWERS_KEPT = 1024, /* bytes of a buffer that has been sent */
  ANSWERS_ENOUGH = 1 << 20, /* a client that does not read its answers gets no more commands run */
  BULK_MINIMUM = 1 << 20
};

void client_init(struct client *client, int fd) {
  memset(client, 0, sizeof *client);
  client->fd = fd;
}

void client_close(struct client *client) {
  close(client->fd);
  parser_free(&client->parser);
  memory_free(client->reply.bytes);
}

/* No client can send a string that fills the memory. */
static uint32_t bulk_limit(void) {
  size_t limit = memory_limit / 4;
  return limit < BULK_MINIMUM ? BULK_MINIMUM : limit > 512u << 20 ? 512u << 20 : (uint32_t)limit;
}

static void run_one(struct client *client) {
  struct parser *p = &client->parser;
  struct argument few[16], *arguments = few;
  if (p->count > 16) arguments = memory_get(p->count * sizeof *arguments);
  for (uint32_t i = 0; i < p->count; i++) {
    arguments[i] = (struct argument){p->input + p->arguments[i].at, p->arguments[i].length};
  }
  struct call call = {(int)p->count, arguments, &client->reply, 0};
  command_run(&call);
  if (call.quit) client->ending = 1;
  if (arguments != few) memory_free(arguments);
}

int client_run(struct client *client) {
  for (int i = 0; i < COMMANDS_PER_TURN && !client->ending; i++) {
    const char *error;
    if (client->reply.lost || client->reply.used - client->reply.sent > ANSWERS_ENOUGH) return 0;
    int result = parser_next(&client->parser, bulk_limit(), &error);
    if (result == 0) return 0;
    if (result < 0) {
      reply_error(&client->reply, error);
      client->ending = 1;
      return 0;
    }
    if (client->parser.count) run_one(client);
    parser_done(&client->parser);
  }
  return !client->ending && client->parser.at < client->parser.used;
}

int client_read(struct client *client) {
  struct parser *p = &client->parser;
  if (client->ending) return 1;
  if (!parser_reserve(p, READ_BYTES)) {
    totals.dropped_reading++;
    reply_error(&client->reply, "OOM the clients have no memory left for this command");
    client->ending = 1;
    return 1;
  }
  ssize_t got = recv(client->fd, p->input + p->used, p->capacity - p->used, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return 0;
  p->used += (uint32_t)got;
  return 1;
}

int client_write(struct client *client) {
  struct reply *r = &client->reply;
  if (r->lost) {
    totals.dropped_answering++;
    return 0;
  }
  while (r->sent < r->used) {
    ssize_t sent = send(client->fd, r->bytes + r->sent, r->used - r->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      client->writes = 1;
      return 1;
    }
    if (sent < 0) return 0;
    r->sent += (size_t)sent;
  }
  client->writes = 0;
  r->sent = r->used = 0;
  if (r->capacity > ANSWERS_KEPT) {
    memory_free(r->bytes);
    *r = (struct reply){0};
  }
  return !client->ending;
}
