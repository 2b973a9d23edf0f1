/* Reading and writing streams: characters, lines, blocks and formatted text. */

#include "file.h"
#include "format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ilwaco_file *ilwaco_open_files;

/* exit() calls it through a weak reference: a program without stdio has none. */
void ilwaco_stdio_flush(void) { fflush(NULL); }

int fflush(FILE *file) {
  if (file) {
    ilwaco_file_lock(file);
    int result = ilwaco_file_flush(file);
    ilwaco_file_unlock(file);
    return result;
  }
  int result = fflush(&ilwaco_stdout);
  for (file = ilwaco_open_files; file; file = file->next) {
    if (fflush(file) == EOF) result = EOF;
  }
  return result;
}

/* ---- output */

int fputs(const char *restrict text, FILE *restrict file) {
  ilwaco_file_lock(file);
  ilwaco_file_put(file, text, strlen(text));
  ilwaco_file_unlock(file);
  return file->error ? EOF : 0;
}

int puts(const char *text) {
  ilwaco_file_lock(stdout);
  ilwaco_file_put(stdout, text, strlen(text));
  ilwaco_file_put(stdout, "\n", 1);
  ilwaco_file_unlock(stdout);
  return stdout->error ? EOF : 0;
}

int fputc(int c, FILE *file) {
  char character = (char)c;
  ilwaco_file_lock(file);
  ilwaco_file_put(file, &character, 1);
  ilwaco_file_unlock(file);
  return file->error ? EOF : (unsigned char)c;
}

int putc(int c, FILE *file) { return fputc(c, file); }
int putchar(int c) { return fputc(c, stdout); }

size_t fwrite(const void *restrict items, size_t size, size_t count, FILE *restrict file) {
  if (!size || !count) return 0;
  ilwaco_file_lock(file);
  ilwaco_file_put(file, items, size * count);
  ilwaco_file_unlock(file);
  return file->error ? 0 : count;
}

struct file_sink {
  struct sink sink;
  FILE *file;
};

static void write_to_file(struct sink *sink, const char *text, size_t length) {
  ilwaco_file_put(((struct file_sink *)sink)->file, text, length);
}

int vfprintf(FILE *restrict file, const char *restrict format, va_list arguments) {
  struct file_sink sink = {{write_to_file, 0}, file};
  ilwaco_file_lock(file);
  int length = ilwaco_format(&sink.sink, format, arguments);
  ilwaco_file_unlock(file);
  return file->error ? -1 : length;
}

int fprintf(FILE *restrict file, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vfprintf(file, format, arguments);
  va_end(arguments);
  return length;
}

int vprintf(const char *restrict format, va_list arguments) {
  return vfprintf(stdout, format, arguments);
}

int printf(const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vprintf(format, arguments);
  va_end(arguments);
  return length;
}

void perror(const char *prefix) {
  int error = errno;
  if (prefix && *prefix) {
    fprintf(stderr, "%s: %s\n", prefix, strerror(error));
  } else {
    fprintf(stderr, "%s\n", strerror(error));
  }
}

/* ---- input */

int fgetc(FILE *file) {
  ilwaco_file_lock(file);
  int c = ilwaco_file_get(file);
  ilwaco_file_unlock(file);
  return c;
}

int getc(FILE *file) { return fgetc(file); }
int getchar(void) { return fgetc(stdin); }

int ungetc(int c, FILE *file) {
  ilwaco_file_lock(file);
  ilwaco_file_unget(file, c);
  ilwaco_file_unlock(file);
  return c;
}

char *fgets(char *restrict buffer, int capacity, FILE *restrict file) {
  int length = 0, c = 0;
  ilwaco_file_lock(file);
  while (length < capacity - 1 && c != '\n' && (c = ilwaco_file_get(file)) != EOF) {
    buffer[length++] = (char)c;
  }
  ilwaco_file_unlock(file);
  if (capacity < 1 || (c == EOF && (length == 0 || file->error))) return NULL;
  buffer[length] = 0;
  return buffer;
}

size_t fread(void *restrict items, size_t size, size_t count, FILE *restrict file) {
  size_t total = size * count, length = 0;
  ilwaco_file_lock(file);
  for (int c; length < total && (c = ilwaco_file_get(file)) != EOF;) {
    ((char *)items)[length++] = (char)c;
    size_t ready = file->input_end - file->input_begin;
    if (ready > total - length) ready = total - length;
    if (ready) memcpy((char *)items + length, file->input + file->input_begin, ready);
    file->input_begin += ready;
    length += ready;
  }
  ilwaco_file_unlock(file);
  return size ? length / size : 0;
}

ssize_t getdelim(char **restrict line, size_t *restrict capacity, int delimiter,
                 FILE *restrict file) {
  size_t length = 0;
  if (!*line) *capacity = 0;
  ilwaco_file_lock(file);
  for (int c = 0; length == 0 || c != delimiter;) {
    if (length + 2 > *capacity) {
      size_t larger = *capacity < 64 ? 120 : *capacity * 2;
      char *grown = realloc(*line, larger);
      if (!grown) {
        file->error = 1;
        length = 0;
        break;
      }
      *line = grown;
      *capacity = larger;
    }
    c = ilwaco_file_get(file);
    if (c == EOF) break;
    (*line)[length++] = (char)c;
  }
  ilwaco_file_unlock(file);
  if (length == 0) return -1;
  (*line)[length] = 0;
  return (ssize_t)length;
}

ssize_t getline(char **restrict line, size_t *restrict capacity, FILE *restrict file) {
  return getdelim(line, capacity, '\n', file);
}

/* ---- state */

int setvbuf(FILE *restrict file, char *restrict buffer, int mode, size_t size) {
  if (mode != _IOFBF && mode != _IOLBF && mode != _IONBF) return EOF;
  ilwaco_file_lock(file);
  ilwaco_file_flush(file);
  file->mode = mode;
  if (buffer && size) {
    file->output = buffer;
    file->output_size = size;
  }
  ilwaco_file_unlock(file);
  return 0;
}

void setbuf(FILE *restrict file, char *restrict buffer) {
  setvbuf(file, buffer, buffer ? _IOFBF : _IONBF, BUFSIZ);
}

int fileno(FILE *file) { return file->fd; }
int feof(FILE *file) { return file->end; }
int ferror(FILE *file) { return file->error; }
void clearerr(FILE *file) { file->error = file->end = 0; }
