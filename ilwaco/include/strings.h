#ifndef ILWACO_STRINGS_H
#define ILWACO_STRINGS_H

#include <stddef.h>

int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t length);
void bzero(void *memory, size_t length);
void bcopy(const void *from, void *to, size_t length);
int bcmp(const void *a, const void *b, size_t length);
char *index(const char *text, int character);
char *rindex(const char *text, int character);
int ffs(int value);

#endif
