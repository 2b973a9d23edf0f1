/* FILE: a buffered stream over the console or a file descriptor. */
#ifndef ILWACO_FILE_H
#define ILWACO_FILE_H

#include <pthread.h>
#include <stdio.h>

struct ilwaco_file {
  int fd;
  long (*read)(struct ilwaco_file *file, void *buffer, unsigned long capacity);
  long (*write)(struct ilwaco_file *file, const void *buffer, unsigned long length);
  char *input; /* BUFSIZ bytes */
  char *output;
  size_t output_size;
  size_t input_begin, input_end; /* bytes read from below and not yet taken */
  size_t output_length;          /* bytes not yet written */
  int mode;                      /* _IOFBF, _IOLBF; _IONBF: written at the end of each call */
  int line_complete;             /* a newline was put since the last write */
  int error, end;
  int pushed_back; /* by ungetc, or EOF */
  pthread_mutex_t lock;
  struct ilwaco_file *next; /* in the list of those that fdopen made */
};

/* Bracket whatever touches a stream. The second also writes what the stream's mode wants written.
 */
void ilwaco_file_lock(FILE *file);
void ilwaco_file_unlock(FILE *file);

/* The stream must be locked. */
void ilwaco_file_put(FILE *file, const char *text, size_t length);
int ilwaco_file_get(FILE *file);
void ilwaco_file_unget(FILE *file, int c);
int ilwaco_file_flush(FILE *file);

extern struct ilwaco_file ilwaco_stdout;
extern struct ilwaco_file *ilwaco_open_files;

#endif
