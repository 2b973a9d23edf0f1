/* What the server tells of itself. */
#ifndef KVD_SERVER_H
#define KVD_SERVER_H

#include <stdint.h>

extern unsigned server_port, server_clients;
extern uint64_t server_started; /* milliseconds since 1970 */

/* Takes "always", "everysec" or "no". 0: it is none of them. */
int server_set_flush(const char *word, unsigned long length);

#endif
