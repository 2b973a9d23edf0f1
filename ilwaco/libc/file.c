/*
 * The buffers of streams. Output reaches the console in one instruction per call that completed a
 * line, not one per character or line.
 */

#include "file.h"

#include <errno.h>
#include <string.h>

void ilwaco_file_lock(FILE *file) { pthread_mutex_lock(&file->lock); }

void ilwaco_file_unlock(FILE *file) {
  if (file->mode == _IONBF || (file->mode == _IOLBF && file->line_complete)) {
    ilwaco_file_flush(file);
  }
  pthread_mutex_unlock(&file->lock);
}

/* Writes all of it, or notes the error. */
static int write_through(FILE *file, const char *text, size_t length) {
  while (length) {
    long written = file->write(file, text, length);
    if (written <= 0) {
      file->error = 1;
      return EOF;
    }
    text += written;
    length -= (size_t)written;
  }
  return 0;
}

int ilwaco_file_flush(FILE *file) {
  size_t length = file->output_length;
  file->output_length = 0;
  file->line_complete = 0;
  return length ? write_through(file, file->output, length) : 0;
}

void ilwaco_file_put(FILE *file, const char *text, size_t length) {
  if (file->mode == _IOLBF && !file->line_complete) {
    file->line_complete = memchr(text, '\n', length) != NULL;
  }
  if (length > file->output_size - file->output_length) ilwaco_file_flush(file);
  if (length > file->output_size) {
    write_through(file, text, length);
    return;
  }
  memcpy(file->output + file->output_length, text, length);
  file->output_length += length;
}

int ilwaco_file_get(FILE *file) {
  if (file->pushed_back != EOF) {
    int c = file->pushed_back;
    file->pushed_back = EOF;
    return c;
  }
  if (file->input_begin == file->input_end) {
    if (file->end || !file->read) return EOF;
    long received = file->read(file, file->input, BUFSIZ);
    if (received <= 0) {
      if (received < 0) {
        file->error = 1;
      } else {
        file->end = 1;
      }
      return EOF;
    }
    file->input_begin = 0;
    file->input_end = (size_t)received;
  }
  return (unsigned char)file->input[file->input_begin++];
}

void ilwaco_file_unget(FILE *file, int c) {
  if (c == EOF) return;
  file->pushed_back = (unsigned char)c;
  file->end = 0;
}
