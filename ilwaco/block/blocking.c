/* Calls that wait: a transfer of any length as several requests under way at once. */

#include <denali/block.h>
#include <errno.h>
#include <stddef.h>

enum { UNDER_WAY = 8 };

/* Submits as many requests as are allowed; returns how many. *error: why the next was refused, or 0. */
static int submit_some(struct block_request *requests, struct block_request *rest, int *error) {
  int count = 0;
  for (*error = 0; count < UNDER_WAY && rest->count; count++) {
    struct block_request *request = &requests[count];
    *request = *rest;
    if (request->count > BLOCK_REQUEST_BLOCKS) request->count = BLOCK_REQUEST_BLOCKS;
    if (block_submit(request)) {
      *error = errno;
      return count;
    }
    rest->block += request->count;
    rest->buffer = (char *)rest->buffer + request->count * BLOCK_BYTES;
    rest->count -= request->count;
  }
  return count;
}

static int transfer(int device, enum block_operation operation, uint32_t block, void *buffer,
                    uint32_t count) {
  struct block_info info;
  struct block_request requests[UNDER_WAY];
  struct block_request rest = {
      .device = device, .operation = operation, .block = block, .count = count, .buffer = buffer};
  if (block_info(device, &info)) return -1;
  /* All or nothing of what can be known before. */
  if (block > info.blocks || count > info.blocks - block) {
    errno = EINVAL;
    return -1;
  }
  while (rest.count) {
    int error, submitted = submit_some(requests, &rest, &error);
    for (int i = 0; i < submitted; i++) {
      if (block_wait(&requests[i]) && !error) error = errno;
    }
    if (!error) continue;
    errno = error;
    return -1;
  }
  return 0;
}

int block_read(int device, uint32_t block, void *to, uint32_t count) {
  return transfer(device, BLOCK_READ, block, to, count);
}

int block_write(int device, uint32_t block, const void *from, uint32_t count) {
  return transfer(device, BLOCK_WRITE, block, (void *)(uintptr_t)from, count);
}

int block_flush(int device) {
  struct block_request request = {.device = device, .operation = BLOCK_FLUSH};
  return block_submit(&request) ? -1 : block_wait(&request);
}
