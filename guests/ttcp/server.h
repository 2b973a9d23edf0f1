/* The server: any number of measurements after one another, and a bounded number at a time. */
#ifndef TTCP_SERVER_H
#define TTCP_SERVER_H

/* Serves on TCP port `port` (0: any; the line on stdout tells) until the process ends; returns the exit
 * code if it cannot. */
int server_run(unsigned port);

#endif
