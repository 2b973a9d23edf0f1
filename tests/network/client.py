"""Linux's TCP as a client of a VM: `client.py CHECK HOST PORT [NUMBER]` ends with 0 if the check holds.

PORT is that of an echo server (guests/echo.c).
"""

import selectors
import socket
import struct
import sys
import threading

PATIENCE = 60


def pattern(size, seed=0):
    return bytes((i * 31 + (i >> 8) * 7 + seed) & 0xFF for i in range(size))


def connect(host, port):
    s = socket.create_connection((host, port), PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive(s, size):
    got = bytearray()
    while len(got) < size:
        piece = s.recv(min(65536, size - len(got)))
        assert piece, f"end after {len(got)} of {size} bytes"
        got += piece
    return bytes(got)


def echo_once(host, port, message):
    with connect(host, port) as s:
        s.sendall(message)
        assert receive(s, len(message)) == message


def sequential(host, port, count):
    """One connection after the other."""
    for i in range(count):
        echo_once(host, port, b"connection %d" % i)


def parallel(host, port, count):
    """Connections that are all open before the first says anything, and then all say something."""
    selector = selectors.DefaultSelector()
    connections = {}
    for i in range(count):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        connections[s] = [b"connection %06d " % i * 20, bytearray()]
        selector.register(s, selectors.EVENT_WRITE)
    opened = 0
    while opened < count:
        ready = selector.select(PATIENCE)
        assert ready, f"{opened} of {count} connections were opened"
        for key, _ in ready:
            s = key.fileobj
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == 0, f"connection {opened}: errno {error}"
            selector.unregister(s)
            opened += 1
    for s, (message, _) in connections.items():
        s.setblocking(True)
        s.sendall(message)
        s.shutdown(socket.SHUT_WR)
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ)
    while connections:
        ready = selector.select(PATIENCE)
        assert ready, f"{len(connections)} of {count} connections were not answered"
        for key, _ in ready:
            s = key.fileobj
            message, got = connections[s]
            piece = s.recv(65536)
            got += piece
            if not piece:
                assert got == message, f"{len(got)} bytes instead of {len(message)}"
                selector.unregister(s)
                s.close()
                del connections[s]


def half_close(host, port, size):
    """All is sent and the end said before the peer's last bytes come."""
    data = pattern(size)
    with connect(host, port) as s:

        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = receive(s, size)
        sender.join()
        assert got == data, "the bytes that came back are others"
        assert s.recv(1) == b"", "expected the end"


def reset(host, port, count):
    """Clients that break off: some at once, some in the middle of a transfer, some with bytes unread."""
    for i in range(count):
        s = connect(host, port)
        if i % 3:
            s.sendall(pattern(20000 if i % 3 == 2 else 100, i))
        if i % 3 == 1:
            receive(s, 50)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    echo_once(host, port, b"still there")


def refused(host, port, _):
    """A port without a server answers at once."""
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except ConnectionRefusedError:
        return
    raise AssertionError("expected the connection to be refused")


CHECKS = {check.__name__: check for check in (sequential, parallel, half_close, reset, refused)}

if __name__ == "__main__":
    check, host, port, *number = sys.argv[1:]
    CHECKS[check](host, int(port), int(number[0]) if number else 0)
