/* Which disks the VM has. */

#include "device.h"

#include <denali/block.h>
#include <errno.h>
#include <ilwaco.h>
#include <stddef.h>
#include <string.h>

_Static_assert(BLOCK_BYTES == DENALI_DISK_BLOCK_BYTES, "ABI");
_Static_assert(BLOCK_NAME_BYTES == DENALI_DISK_NAME_BYTES, "ABI");

ILWACO_HANDLER const struct denali_disk *block_entry(int device) {
  const struct denali_disk *table = (const void *)(uintptr_t)DENALI_REGISTERS->disk_table;
  if (!(DENALI_REGISTERS->features & DENALI_FEATURE_DISK)) return NULL;
  if (device < 0 || device >= (int)DENALI_DISK_MAXIMUM || !table[device].blocks) return NULL;
  return &table[device];
}

int block_devices(void) {
  int count = 0;
  while (block_entry(count)) count++;
  return count;
}

int block_find(const char *name) {
  for (int device = 0; block_entry(device); device++) {
    if (strncmp(block_entry(device)->name, name, BLOCK_NAME_BYTES) == 0) return device;
  }
  errno = ENODEV;
  return -1;
}

int block_info(int device, struct block_info *info) {
  const struct denali_disk *entry = block_entry(device);
  if (!entry) {
    errno = ENODEV;
    return -1;
  }
  memcpy(info->name, entry->name, BLOCK_NAME_BYTES);
  info->name[BLOCK_NAME_BYTES - 1] = 0;
  info->blocks = entry->blocks;
  info->read_only = (entry->flags & DENALI_DISK_FLAG_READ_ONLY) != 0;
  return 0;
}
