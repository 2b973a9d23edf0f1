/* A small sorted set of sequence ranges; see tcp_ranges.h. */
#include "tcp_ranges.h"

static void remove_at(struct tcp_ranges *set, uint32_t index) {
  set->count--;
  for (uint32_t i = index; i < set->count; i++) set->range[i] = set->range[i + 1];
}

int tcp_ranges_add(struct tcp_ranges *set, uint32_t start, uint32_t end) {
  uint32_t at = 0;
  while (at < set->count && seq_before(set->range[at].end, start)) at++;
  if (at < set->count && !seq_before(end, set->range[at].start)) {
    struct tcp_range *joined = &set->range[at];
    joined->start = seq_min(joined->start, start);
    joined->end = seq_max(joined->end, end);
    while (at + 1 < set->count && !seq_before(joined->end, set->range[at + 1].start)) {
      joined->end = seq_max(joined->end, set->range[at + 1].end);
      remove_at(set, at + 1);
    }
    return 1;
  }
  if (set->count == TCP_RANGES_MAXIMUM) return 0;
  for (uint32_t i = set->count; i > at; i--) set->range[i] = set->range[i - 1];
  set->range[at] = (struct tcp_range){start, end};
  set->count++;
  return 1;
}

void tcp_ranges_trim(struct tcp_ranges *set, uint32_t sequence) {
  while (set->count && !seq_after(set->range[0].end, sequence)) remove_at(set, 0);
  if (set->count && seq_before(set->range[0].start, sequence)) set->range[0].start = sequence;
}

int tcp_ranges_contain(const struct tcp_ranges *set, uint32_t start, uint32_t end) {
  for (uint32_t i = 0; i < set->count; i++) {
    if (!seq_after(set->range[i].start, start) && !seq_before(set->range[i].end, end)) return 1;
  }
  return 0;
}
