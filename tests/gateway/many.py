"""Many HTTP clients at once: `many.py HOST PORT COUNT` opens all connections, then asks on each, then closes."""

import resource
import selectors
import socket
import sys

PATIENCE = 60
REQUEST = b"GET /doc?bytes=1000 HTTP/1.1\r\nHost: many\r\n\r\n"


FILES_BESIDE = 16


def allow_files(count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + FILES_BESIDE
    if most != resource.RLIM_INFINITY and most < needed:
        sys.exit(f"expected a limit of {needed} open files at least (ulimit -Hn), got {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))


def main(host, port, count):
    allow_files(count)
    selector = selectors.DefaultSelector()
    for _ in range(count):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        selector.register(s, selectors.EVENT_WRITE, bytearray())
    everybody = list(selector.get_map().values())
    for key in everybody:
        key.fileobj.setblocking(True)
        key.fileobj.settimeout(PATIENCE)
        key.fileobj.sendall(REQUEST)
        key.fileobj.setblocking(False)
        selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
    answered = 0
    while answered < count:
        ready = selector.select(PATIENCE)
        assert ready, f"{answered} of {count} were answered"
        for key, _ in ready:
            piece = key.fileobj.recv(65536)
            assert piece, f"a connection ended; {answered} of {count} were answered"
            key.data.extend(piece)
            head = key.data.find(b"\r\n\r\n")
            if head < 0 or len(key.data) < head + 4 + 1000:
                continue
            assert key.data.startswith(b"HTTP/1.1 200 "), bytes(key.data[:80])
            selector.unregister(key.fileobj)
            answered += 1
    print(f"answered {answered}", flush=True)
    # All are open until here.
    sys.stdin.read(1)
    for key in everybody:
        key.fileobj.close()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
