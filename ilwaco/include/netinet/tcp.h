/* TCP socket options (level IPPROTO_TCP); the numbers are those of Linux. */
#ifndef ILWACO_NETINET_TCP_H
#define ILWACO_NETINET_TCP_H

#define TCP_NODELAY 1 /* send small segments at once */
#define TCP_MAXSEG 2 /* read only: payload bytes of a full segment */
#define TCP_CORK 3 /* as if every write had MSG_MORE */
#define TCP_KEEPIDLE 4 /* seconds of silence before the first keepalive probe */
#define TCP_KEEPINTVL 5 /* seconds between probes */
#define TCP_KEEPCNT 6 /* unanswered probes that end the connection */
#define TCP_QUICKACK 12 /* accepted, without meaning: acknowledgements are delayed by 40 ms at most */
#define TCP_USER_TIMEOUT 18 /* milliseconds without an acknowledgement that end the connection; 0: default */

#endif
