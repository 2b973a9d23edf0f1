/* stdin, stdout and stderr: the console. */

#include "file.h"

static long write_console(FILE *file, const void *buffer, unsigned long length) {
  (void)file;
  return ilwaco_console_write(buffer, length);
}

/* Who waits for input wants to have said all he had to say. */
static long read_console(FILE *file, void *buffer, unsigned long capacity) {
  (void)file;
  fflush(stdout);
  return ilwaco_console_read(buffer, capacity);
}

static char output_buffer[BUFSIZ] __attribute__((section(".sbss.2.3.output_buffer")));
static char error_buffer[128];
static char input_buffer[BUFSIZ];

struct ilwaco_file ilwaco_stdout = {
    .fd = 1,
    .write = write_console,
    .output = output_buffer,
    .output_size = sizeof output_buffer,
    .mode = _IOLBF,
    .pushed_back = EOF,
    .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
};

static struct ilwaco_file standard_error = {
    .fd = 2,
    .write = write_console,
    .output = error_buffer,
    .output_size = sizeof error_buffer,
    .mode = _IONBF,
    .pushed_back = EOF,
    .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
};

static struct ilwaco_file standard_input = {
    .fd = 0,
    .read = read_console,
    .input = input_buffer,
    .mode = _IOFBF,
    .pushed_back = EOF,
    .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
};

FILE *const stdin = &standard_input;
FILE *const stdout = &ilwaco_stdout;
FILE *const stderr = &standard_error;
