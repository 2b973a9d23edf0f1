/* Patterns as KEYS and SCAN take them: * ? [a-z] [^a-z] and \ in front of one that is meant itself. */
#ifndef KVD_GLOB_H
#define KVD_GLOB_H

#include <stddef.h>

/* Work at most proportional to the product of the lengths. */
int glob_match(const char *pattern, size_t pattern_length, const char *text, size_t length);

#endif
