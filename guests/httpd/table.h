/*
 * All connections of the server: places, readiness by epoll, deadlines in lists.
 *
 * An event costs what it concerns, however many connections are idle. Deadlines of one kind are all
 * equally far away when they are set, so a list for each kind is in order without sorting.
 */
#ifndef HTTPD_TABLE_H
#define HTTPD_TABLE_H

/* Serves connections of a listening socket, at most `maximum` at a time. Returns only on an error, with
 * errno. */
void table_serve(int listener, unsigned maximum);

#endif
