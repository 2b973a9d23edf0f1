/* Standard I/O on the console and on file descriptors. There are no files yet: no fopen. */
#ifndef ILWACO_STDIO_H
#define ILWACO_STDIO_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

#define EOF (-1)
#define BUFSIZ 1024
#define _IOFBF 0
#define _IOLBF 1
#define _IONBF 2

typedef struct ilwaco_file FILE;

extern FILE *const stdin;
extern FILE *const stdout;
extern FILE *const stderr;
#define stdin stdin
#define stdout stdout
#define stderr stderr

#define ILWACO_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define ILWACO_SCANF(string, first) __attribute__((format(scanf, string, first)))

int printf(const char *restrict format, ...) ILWACO_PRINTF(1, 2);
int fprintf(FILE *restrict file, const char *restrict format, ...) ILWACO_PRINTF(2, 3);
int dprintf(int fd, const char *restrict format, ...) ILWACO_PRINTF(2, 3);
int sprintf(char *restrict buffer, const char *restrict format, ...) ILWACO_PRINTF(2, 3);
int snprintf(char *restrict buffer, size_t capacity, const char *restrict format, ...)
    ILWACO_PRINTF(3, 4);
int asprintf(char **restrict text, const char *restrict format, ...) ILWACO_PRINTF(2, 3);
int vprintf(const char *restrict format, va_list arguments) ILWACO_PRINTF(1, 0);
int vfprintf(FILE *restrict file, const char *restrict format, va_list arguments)
    ILWACO_PRINTF(2, 0);
int vdprintf(int fd, const char *restrict format, va_list arguments) ILWACO_PRINTF(2, 0);
int vsprintf(char *restrict buffer, const char *restrict format, va_list arguments)
    ILWACO_PRINTF(2, 0);
int vsnprintf(char *restrict buffer, size_t capacity, const char *restrict format,
              va_list arguments) ILWACO_PRINTF(3, 0);
int vasprintf(char **restrict text, const char *restrict format, va_list arguments)
    ILWACO_PRINTF(2, 0);

int scanf(const char *restrict format, ...) ILWACO_SCANF(1, 2);
int fscanf(FILE *restrict file, const char *restrict format, ...) ILWACO_SCANF(2, 3);
int sscanf(const char *restrict text, const char *restrict format, ...) ILWACO_SCANF(2, 3);
int vscanf(const char *restrict format, va_list arguments) ILWACO_SCANF(1, 0);
int vfscanf(FILE *restrict file, const char *restrict format, va_list arguments)
    ILWACO_SCANF(2, 0);
int vsscanf(const char *restrict text, const char *restrict format, va_list arguments)
    ILWACO_SCANF(2, 0);

int putchar(int c);
int puts(const char *text);
int fputc(int c, FILE *file);
int putc(int c, FILE *file);
int fputs(const char *restrict text, FILE *restrict file);
size_t fwrite(const void *restrict items, size_t size, size_t count, FILE *restrict file);
int fflush(FILE *file);
int setvbuf(FILE *restrict file, char *restrict buffer, int mode, size_t size);
void setbuf(FILE *restrict file, char *restrict buffer);

int getchar(void);
int fgetc(FILE *file);
int getc(FILE *file);
int ungetc(int c, FILE *file);
char *fgets(char *restrict buffer, int capacity, FILE *restrict file);
size_t fread(void *restrict items, size_t size, size_t count, FILE *restrict file);
ssize_t getline(char **restrict line, size_t *restrict capacity, FILE *restrict file);
ssize_t getdelim(char **restrict line, size_t *restrict capacity, int delimiter,
                 FILE *restrict file);

FILE *fdopen(int fd, const char *mode);
int fclose(FILE *file);
int fileno(FILE *file);
int feof(FILE *file);
int ferror(FILE *file);
void clearerr(FILE *file);
void perror(const char *prefix);

#endif
