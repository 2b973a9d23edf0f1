/*
 * The document of /doc: bytes that a client can check without having a copy.
 *
 * It is made of lines of 64 bytes. Line n is the number n as 8 hexadecimal digits, a space, the 54
 * characters DOCUMENT_FILL, and a newline; the document is cut off after the bytes asked for. A byte
 * that was lost, doubled or moved shows, and so does a piece of any size.
 */
#ifndef HTTPD_DOCUMENT_H
#define HTTPD_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_FILL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,"

#define DOCUMENT_MAXIMUM (64ll << 32) /* 2^32 lines */

/* Writes bytes [offset, offset + length) of the document. */
void document_write(char *bytes, uint64_t offset, size_t length);

#endif
