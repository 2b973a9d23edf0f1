#ifndef ILWACO_STRING_H
#define ILWACO_STRING_H

#include <stddef.h>
#include <strings.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *mempcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
void *memchr(const void *memory, int byte, size_t length);
void *memrchr(const void *memory, int byte, size_t length);
void *memmem(const void *haystack, size_t length, const void *needle, size_t needle_length);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
char *strcpy(char *restrict to, const char *restrict from);
char *stpcpy(char *restrict to, const char *restrict from);
char *strncpy(char *restrict to, const char *restrict from, size_t length);
size_t strlcpy(char *restrict to, const char *restrict from, size_t capacity);
char *strcat(char *restrict to, const char *restrict from);
char *strncat(char *restrict to, const char *restrict from, size_t length);
size_t strlcat(char *restrict to, const char *restrict from, size_t capacity);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t length);
int strcoll(const char *a, const char *b);
size_t strxfrm(char *restrict to, const char *restrict from, size_t capacity);
char *strchr(const char *text, int character);
char *strchrnul(const char *text, int character);
char *strrchr(const char *text, int character);
char *strstr(const char *haystack, const char *needle);
char *strcasestr(const char *haystack, const char *needle);
size_t strspn(const char *text, const char *accept);
size_t strcspn(const char *text, const char *reject);
char *strpbrk(const char *text, const char *accept);
char *strtok(char *restrict text, const char *restrict separators);
char *strtok_r(char *restrict text, const char *restrict separators, char **restrict state);
char *strsep(char **text, const char *separators);
char *strdup(const char *text);
char *strndup(const char *text, size_t limit);
char *strerror(int error);
int strerror_r(int error, char *buffer, size_t capacity);

#endif
