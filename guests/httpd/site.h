/*
 * Files that are served: in a VM those of a disk made by plain `tar` (denali/tar.h), on Linux those of a
 * folder.
 */
#ifndef HTTPD_SITE_H
#define HTTPD_SITE_H

#include <stdint.h>

struct site_file {
  int fd; /* the caller's to close */
  uint64_t size;
  const char *type;
  char etag[40];
};

/* Setting disk: the name of the disk (the first one); on Linux, setting root: the folder. 0, or -1: it
 * said why; without either there is no site, and that is all right. */
int site_open(void);

/* 200 and the file; 301: it is a folder, and its path ends with a slash; 404, 400, 500. A path that ends with a slash
 * stands for index.html in it. */
int site_find(const char *path, struct site_file *file);

#endif
