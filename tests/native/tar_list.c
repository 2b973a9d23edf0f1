/* Lists the archive of DENALI_DISK as the tar file system sees it: path, kind, size, mtime, CRC of what is read.
 *
 *     tar_list [ROUNDS SEED]     with ROUNDS: changes bytes of the archive in memory so often, and only
 *                                asks that each is listed or refused
 */
#include <denali/block.h>
#include <denali/store.h>
#include <denali/tar.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *disk;
static uint32_t blocks;

int block_info(int device, struct block_info *info) {
  (void)device;
  *info = (struct block_info){.name = "disk", .blocks = blocks};
  return 0;
}

int block_read(int device, uint32_t block, void *to, uint32_t count) {
  (void)device;
  if (block > blocks || count > blocks - block) abort();
  memcpy(to, disk + (size_t)block * BLOCK_BYTES, (size_t)count * BLOCK_BYTES);
  return 0;
}

static uint32_t crc_of(struct tar *tar, const struct tar_entry *entry) {
  static uint8_t piece[7001];
  uint32_t crc = 0;
  uint64_t at = 0;
  ssize_t got;
  while ((got = tar_read(tar, entry, at, piece, sizeof piece)) > 0) {
    crc = store_crc(crc, piece, (size_t)got);
    at += (uint64_t)got;
  }
  if (at != entry->size) printf("short: %s\n", entry->path);
  return crc;
}

/* 0, or an errno. */
static int list(int quiet) {
  const struct tar_entry *entry;
  struct tar *tar = tar_open(0);
  if (!tar) return errno;
  for (size_t i = 0; (entry = tar_entry_at(tar, i)); i++) {
    uint32_t crc = entry->is_folder ? 0 : crc_of(tar, entry);
    if (tar_find(tar, entry->path) != entry) printf("not found: %s\n", entry->path);
    if (!quiet) {
      printf("%s|%c|%llu|%lld|%08x\n", entry->path, entry->is_folder ? 'd' : 'f',
             (unsigned long long)entry->size, (long long)entry->mtime, crc);
    }
  }
  tar_close(tar);
  return 0;
}

int main(int argc, char **argv) {
  FILE *file = fopen(getenv("DENALI_DISK"), "rb");
  if (!file) return 2;
  fseek(file, 0, SEEK_END);
  size_t bytes = (size_t)ftell(file);
  rewind(file);
  blocks = (uint32_t)(bytes / BLOCK_BYTES);
  disk = malloc(bytes ? bytes : 1);
  if (fread(disk, 1, bytes, file) != bytes) return 2;
  fclose(file);
  if (argc < 3) {
    int error = list(0);
    if (error) printf("refused: %s\n", strerror(error));
    return 0;
  }
  uint8_t *whole = malloc(bytes);
  memcpy(whole, disk, bytes);
  uint32_t all = blocks, refused = 0;
  srand((unsigned)atoi(argv[2]));
  for (int round = atoi(argv[1]); round > 0; round--) {
    memcpy(disk, whole, bytes);
    blocks = rand() % 4 ? all : (uint32_t)rand() % (all + 1);
    for (int i = rand() % 8; i >= 0; i--) {
      size_t sector = (size_t)rand() % (bytes / 512) * 512, field = (size_t)rand() % 512;
      if (rand() % 2) field = 100 + (size_t)rand() % 60;
      disk[sector + field] = (uint8_t)(rand() % 3 ? rand() : '0' + rand() % 8);
      if (rand() % 2) continue; /* and mend the checksum, so that more than that is looked at */
      unsigned sum = 0;
      memset(disk + sector + 148, ' ', 8);
      for (int k = 0; k < 512; k++) sum += disk[sector + (size_t)k];
      snprintf((char *)disk + sector + 148, 8, "%06o", sum);
    }
    refused += list(1) != 0;
  }
  printf("ok: %u refused\n", refused);
  return 0;
}
