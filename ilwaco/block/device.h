/* The devices of disk_table, as the parts of block/ see them. */
#ifndef ILWACO_BLOCK_DEVICE_H
#define ILWACO_BLOCK_DEVICE_H

#include <denali.h>

/* The entry of a device, or NULL. Handler-safe. */
const struct denali_disk *block_entry(int device);

#endif
