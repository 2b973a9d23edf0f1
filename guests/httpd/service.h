/* What there is: the paths that main.c tells, and the files of a folder or a disk. */
#ifndef HTTPD_SERVICE_H
#define HTTPD_SERVICE_H

#include "connection.h"
#include "request.h"

/* Answers a request. 0: the connection is over. */
int service_answer(struct connection *connection, const struct request *request);

#endif
