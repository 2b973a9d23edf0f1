/* Half-open connections; see tcp_request.h. The hash is keyed: a flood cannot aim for one bucket. */
#include "tcp_request.h"

#include "hash.h"
#include "memory.h"

static unsigned bucket_of(const struct tcp_endpoints *at) {
  return hash_three(at->remote_address, at->local_address, at->remote_port) % TCP_REQUEST_BUCKETS;
}

struct tcp_request *tcp_request_find(const struct tcp_requests *all, const struct tcp_endpoints *at) {
  if (!all->count) return NULL;
  struct tcp_request *r = all->bucket[bucket_of(at)];
  while (r && (r->at.remote_port != at->remote_port || r->at.remote_address != at->remote_address ||
               r->at.local_address != at->local_address)) {
    r = r->next;
  }
  return r;
}

struct tcp_request *tcp_request_add(struct tcp_requests *all, const struct tcp_endpoints *at) {
  struct tcp_request *request = net_allocate_zeroed(sizeof *request);
  if (!request) return NULL;
  struct tcp_request **bucket = &all->bucket[bucket_of(at)];
  request->next = *bucket;
  *bucket = request;
  all->count++;
  return request;
}

void tcp_request_remove(struct tcp_requests *all, struct tcp_request *request) {
  struct tcp_request **link = &all->bucket[bucket_of(&request->at)];
  while (*link != request) link = &(*link)->next;
  *link = request->next;
  all->count--;
  net_free(request, sizeof *request);
}

void tcp_request_take(struct tcp_request *request, const struct tcp_endpoints *at,
                      const struct tcp_segment *syn) {
  const struct tcp_options *options = &syn->options;
  request->at = *at;
  request->irs = syn->sequence;
  request->mss = options->mss ? options->mss : TCP_MSS_DEFAULT;
  request->has_scale = options->has_scale;
  request->scale = options->scale;
  request->sack = options->sack_permitted;
  request->timestamps = options->has_timestamp;
  request->ts_recent = options->timestamp;
}
