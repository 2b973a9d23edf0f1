/*
 * The Range field of a GET (RFC 9110 section 14): one range of bytes is served as 206, or refused as
 * 416. Several ranges in one field, other units and what is not well formed are ignored, which section 14.2
 * allows: the whole document is the answer then. There is no multipart/byteranges.
 */
#ifndef HTTPD_RANGE_H
#define HTTPD_RANGE_H

#include <stdint.h>

enum range { RANGE_IGNORED, RANGE_ONE, RANGE_UNSATISFIABLE };

/* For a document of `size` bytes: the bytes [*first, *end) of a RANGE_ONE. `value` NULL: no field. */
enum range range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *end);

#endif
