/*
 * Linked lists of nodes from an arena: building, reversing, merge sort, removal; and a hash table with chains, from
 * which keys are looked up, removed and inserted again. Loads that depend on loads.
 */
#define NODES 1024
#define BUCKETS 256

struct node {
  struct node *next;
  unsigned key, value;
};

static struct node arena[NODES], *unused, *buckets[BUCKETS];

static struct node *take(void) {
  struct node *node = unused;
  if (node) unused = node->next;
  return node;
}

static void give_back(struct node *node) {
  node->next = unused;
  unused = node;
}

static struct node *reverse(struct node *list) {
  struct node *result = 0;
  while (list) {
    struct node *next = list->next;
    list->next = result;
    result = list;
    list = next;
  }
  return result;
}

static struct node *merge(struct node *a, struct node *b) {
  struct node head, *last = &head;
  while (a && b) {
    struct node **smaller = a->key <= b->key ? &a : &b;
    last = last->next = *smaller;
    *smaller = last->next;
  }
  last->next = a ? a : b;
  return head.next;
}

static struct node *sort(struct node *list) {
  if (!list || !list->next) return list;
  struct node *slow = list, *fast = list->next;
  while (fast && fast->next) {
    slow = slow->next;
    fast = fast->next->next;
  }
  struct node *second = slow->next;
  slow->next = 0;
  return merge(sort(list), sort(second));
}

static struct node *find(unsigned key) {
  struct node *node = buckets[key % BUCKETS];
  while (node && node->key != key) node = node->next;
  return node;
}

static int remove_key(unsigned key) {
  for (struct node **at = &buckets[key % BUCKETS]; *at; at = &(*at)->next) {
    struct node *node = *at;
    if (node->key != key) continue;
    *at = node->next;
    give_back(node);
    return 1;
  }
  return 0;
}

static int insert(unsigned key, unsigned value) {
  struct node *node = find(key);
  if (!node) {
    node = take();
    if (!node) return 0;
    node->key = key;
    node->next = buckets[key % BUCKETS];
    buckets[key % BUCKETS] = node;
  }
  node->value = value;
  return 1;
}

static unsigned sorted_lists(unsigned *seed) {
  struct node *list = 0, *node;
  unsigned hash = 0;
  while ((node = take())) {
    *seed = *seed * 1664525 + 1013904223;
    node->key = *seed >> 8;
    node->next = list;
    list = node;
  }
  list = reverse(sort(reverse(list)));
  for (node = list; node && node->next; node = node->next)
    if (node->key < node->next->key) return 0xbad;
  while ((node = list)) {
    list = node->next;
    hash = hash * 31 + node->key;
    give_back(node);
  }
  return hash;
}

static unsigned table(unsigned *seed) {
  unsigned hash = 0, key;
  for (int i = 0; i < BUCKETS; i++) buckets[i] = 0;
  for (int i = 0; i < 4 * NODES; i++) {
    *seed = *seed * 1664525 + 1013904223;
    key = *seed >> 21;
    struct node *node = find(key);
    if (node) {
      hash = hash * 31 + node->value++;
      if (*seed & 0x100) hash += remove_key(key);
    } else {
      hash ^= insert(key, i);
    }
  }
  for (key = 0; key < 2048; key++) hash += remove_key(key);
  return hash;
}

int main(int rounds) {
  unsigned seed = 1, hash = 0;
  unused = 0;
  for (int i = 0; i < NODES; i++) give_back(&arena[i * 769 % NODES]);
  for (int round = 0; round < rounds; round++) {
    hash = hash * 31 + sorted_lists(&seed);
    hash = hash * 31 + table(&seed);
  }
  return hash;
}
