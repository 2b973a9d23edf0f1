/* Streams over file descriptors: sockets, for now. Apart from stdio.c because it needs fd.c. */

#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long read_descriptor(FILE *file, void *buffer, unsigned long capacity) {
  return read(file->fd, buffer, capacity);
}

static long write_descriptor(FILE *file, const void *buffer, unsigned long length) {
  return write(file->fd, buffer, length);
}

FILE *fdopen(int fd, const char *mode) {
  int both = strchr(mode, '+') != NULL;
  FILE *file = calloc(1, sizeof *file + 2 * BUFSIZ);
  if (!file) return NULL;
  file->fd = fd;
  file->input = (char *)(file + 1);
  file->output = file->input + BUFSIZ;
  file->output_size = BUFSIZ;
  if (both || mode[0] == 'r') file->read = read_descriptor;
  if (both || mode[0] != 'r') file->write = write_descriptor;
  file->mode = _IOFBF;
  file->pushed_back = EOF;
  file->lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  unsigned before = ilwaco_interrupts_disable();
  file->next = ilwaco_open_files;
  ilwaco_open_files = file;
  ilwaco_interrupts_restore(before);
  return file;
}

int fclose(FILE *file) {
  int result = fflush(file);
  unsigned before = ilwaco_interrupts_disable();
  FILE **link = &ilwaco_open_files;
  while (*link && *link != file) link = &(*link)->next;
  int made_here = *link == file;
  if (made_here) *link = file->next;
  ilwaco_interrupts_restore(before);
  if (close(file->fd) < 0) result = EOF;
  if (made_here) free(file);
  return result;
}

int vdprintf(int fd, const char *restrict format, va_list arguments) {
  char *text;
  int length = vasprintf(&text, format, arguments);
  if (length < 0) return -1;
  for (int done = 0; done < length;) {
    ssize_t written = write(fd, text + done, (size_t)(length - done));
    if (written <= 0) {
      length = -1;
      break;
    }
    done += (int)written;
  }
  free(text);
  return length;
}

int dprintf(int fd, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vdprintf(fd, format, arguments);
  va_end(arguments);
  return length;
}
