/*
 * Names to addresses by DNS: as a stub resolver (RFC 1034 section 5.3.1) that asks the servers it was
 * given. No lock is held by callers; a call blocks until there is an answer.
 */
#ifndef ILWACO_NET_RESOLVER_H
#define ILWACO_NET_RESOLVER_H

#include "dns_message.h"

/* 0 with at least one address, or an EAI_ number: EAI_NONAME, EAI_NODATA, EAI_AGAIN (no server answered),
 * EAI_FAIL (no server, or all of them refused), EAI_SYSTEM. */
int resolver_lookup(const char *name, struct dns_answer *answer);

#endif
