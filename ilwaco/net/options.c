/* getsockopt and setsockopt. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "network.h"
#include "socket.h"

static uint32_t clamp(long value, long low, long high) {
  return (uint32_t)(value < low ? low : value > high ? high : value);
}

static int set_timeout(uint64_t *timeout, const void *value, socklen_t length) {
  struct timeval time;
  if (length < sizeof time) return EINVAL;
  memcpy(&time, value, sizeof time);
  if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec > 999999) return EDOM;
  *timeout = (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
  return 0;
}

static int set_linger(struct socket *socket, const void *value, socklen_t length) {
  struct linger linger;
  if (length < sizeof linger) return EINVAL;
  memcpy(&linger, value, sizeof linger);
  socket->linger_on = linger.l_onoff != 0;
  socket->linger_s = (uint16_t)clamp(linger.l_linger, 0, UINT16_MAX);
  return 0;
}

static int set_socket_option(struct socket *socket, int option, int value) {
  switch (option) {
    case SO_REUSEADDR:
    case SO_REUSEPORT:
      socket->reuse = value != 0;
      return 0;
    case SO_BROADCAST:
      socket->broadcast = value != 0;
      return 0;
    case SO_DONTROUTE: /* there is one link */
    case SO_PRIORITY:
      return 0;
    case SO_RCVLOWAT:
      return value == 1 ? 0 : ENOPROTOOPT;
    case SO_KEEPALIVE:
      socket->keepalive = value != 0;
      return 0;
    case SO_SNDBUF:
      socket->send_limit = clamp(value, SOCKET_BUFFER_MINIMUM, SOCKET_BUFFER_MAXIMUM);
      return 0;
    case SO_RCVBUF:
      socket->receive_limit = clamp(value, SOCKET_BUFFER_MINIMUM, SOCKET_BUFFER_MAXIMUM);
      if (socket->udp) socket->udp->limit = socket->receive_limit;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}

static int set_tcp_option(struct socket *socket, int option, int value) {
  if (socket->type != SOCK_STREAM) return EOPNOTSUPP;
  switch (option) {
    case TCP_NODELAY:
      socket->no_delay = value != 0;
      return 0;
    case TCP_CORK:
      socket->cork = value != 0;
      if (!value && socket->connection && !tcp_connecting(socket->connection)) {
        tcp_uncork(socket->connection);
      }
      return 0;
    case TCP_QUICKACK:
      return 0;
    case TCP_USER_TIMEOUT:
      if (value < 0) return EINVAL;
      socket->user_timeout_ms = (uint32_t)value;
      return 0;
    case TCP_KEEPIDLE:
      if (value < 1 || value > 32767) return EINVAL;
      socket->keepalive_idle_s = (uint16_t)value;
      return 0;
    case TCP_KEEPINTVL:
      if (value < 1 || value > 32767) return EINVAL;
      socket->keepalive_interval_s = (uint16_t)value;
      return 0;
    case TCP_KEEPCNT:
      if (value < 1 || value > 127) return EINVAL;
      socket->keepalive_probes = (uint8_t)value;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}

static int set_ip_option(struct socket *socket, int option, int value) {
  switch (option) {
    case IP_TTL:
      if (value != -1 && (value < 1 || value > 255)) return EINVAL;
      socket->time_to_live = value == -1 ? IPV4_TIME_TO_LIVE : (uint8_t)value;
      return 0;
    case IP_TOS:
      socket->service = (uint8_t)value;
      return 0;
    case IP_MTU_DISCOVER:
      if (value < IP_PMTUDISC_DONT || value > IP_PMTUDISC_DO) return EINVAL;
      socket->fragmenting = (uint8_t)value;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}

static int set_option(struct socket *socket, int level, int option, const void *value,
                      socklen_t length) {
  int number;
  if (!value) return EFAULT;
  if (level == SOL_SOCKET && option == SO_LINGER) return set_linger(socket, value, length);
  if (level == SOL_SOCKET && option == SO_RCVTIMEO) {
    return set_timeout(&socket->receive_timeout_us, value, length);
  }
  if (level == SOL_SOCKET && option == SO_SNDTIMEO) {
    return set_timeout(&socket->send_timeout_us, value, length);
  }
  if (length < sizeof number) return EINVAL;
  memcpy(&number, value, sizeof number);
  int error = ENOPROTOOPT;
  if (level == SOL_SOCKET) error = set_socket_option(socket, option, number);
  if (level == IPPROTO_IP) error = set_ip_option(socket, option, number);
  if (level == IPPROTO_TCP) error = set_tcp_option(socket, option, number);
  if (!error && socket->connection) tcp_configure(socket->connection);
  return error;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  int error = set_option(socket, level, option, value, length);
  socket_put(socket);
  if (error) errno = error;
  return error ? -1 : 0;
}

static int get_ip_number(struct socket *socket, int option) {
  switch (option) {
    case IP_TTL:
      return socket->time_to_live;
    case IP_TOS:
      return socket->service;
    case IP_MTU_DISCOVER:
      return socket->fragmenting;
    case IP_MTU:
      return (int)ipv4_path_mtu(socket->remote_address);
    default:
      return -1;
  }
}

/* The option as a number; -1: there is none such. */
static int get_number(struct socket *socket, int level, int option) {
  if (level == SOL_SOCKET) {
    switch (option) {
      case SO_REUSEADDR:
      case SO_REUSEPORT:
        return socket->reuse;
      case SO_TYPE:
        return socket->type;
      case SO_ERROR:
        return socket_take_error(socket);
      case SO_BROADCAST:
        return socket->broadcast;
      case SO_SNDBUF:
        return (int)socket->send_limit;
      case SO_RCVBUF:
        return (int)socket->receive_limit;
      case SO_KEEPALIVE:
        return socket->keepalive;
      case SO_ACCEPTCONN:
        return socket->listener != NULL;
      case SO_DONTROUTE:
      case SO_PRIORITY:
        return 0;
      case SO_RCVLOWAT:
      case SO_SNDLOWAT:
        return 1;
      case SO_DOMAIN:
        return AF_INET;
      case SO_PROTOCOL:
        return socket->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
      default:
        return -1;
    }
  }
  if (level == IPPROTO_IP) return get_ip_number(socket, option);
  if (level != IPPROTO_TCP || socket->type != SOCK_STREAM) return -1;
  switch (option) {
    case TCP_NODELAY:
      return socket->no_delay;
    case TCP_MAXSEG:
      return socket->connection ? (int)tcp_segment_size(socket->connection) : 536;
    case TCP_CORK:
      return socket->cork;
    case TCP_QUICKACK:
      return 1;
    case TCP_USER_TIMEOUT:
      return (int)socket->user_timeout_ms;
    case TCP_KEEPIDLE:
      return socket->keepalive_idle_s;
    case TCP_KEEPINTVL:
      return socket->keepalive_interval_s;
    case TCP_KEEPCNT:
      return socket->keepalive_probes;
    default:
      return -1;
  }
}

static void store(void *value, socklen_t *length, const void *from, socklen_t size) {
  if (*length > size) *length = size;
  memcpy(value, from, *length);
}

static void store_timeout(void *value, socklen_t *length, uint64_t timeout) {
  struct timeval time = {.tv_sec = (time_t)(timeout / 1000000),
                         .tv_usec = (suseconds_t)(timeout % 1000000)};
  store(value, length, &time, sizeof time);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  int error = 0;
  if (!value || !length) {
    error = EFAULT;
  } else if (level == SOL_SOCKET && option == SO_LINGER) {
    struct linger linger = {socket->linger_on, socket->linger_s};
    store(value, length, &linger, sizeof linger);
  } else if (level == SOL_SOCKET && option == SO_RCVTIMEO) {
    store_timeout(value, length, socket->receive_timeout_us);
  } else if (level == SOL_SOCKET && option == SO_SNDTIMEO) {
    store_timeout(value, length, socket->send_timeout_us);
  } else if (level == IPPROTO_IP && option == IP_MTU && !socket->connected) {
    error = ENOTCONN;
  } else {
    int number = get_number(socket, level, option);
    if (number < 0) {
      error = ENOPROTOOPT;
    } else {
      store(value, length, &number, sizeof number);
    }
  }
  socket_put(socket);
  if (error) errno = error;
  return error ? -1 : 0;
}
