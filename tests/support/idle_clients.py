"""Opens COUNT connections to an HTTP server and keeps them: idle_clients.py PORT COUNT

Each makes one request and reads its answer. Then prints "open COUNT"; for each line on stdin makes
a request on the connection of that number and prints the status line of its answer; ends with stdin.
"""

import selectors
import socket
import sys

port, count, batch = int(sys.argv[1]), int(sys.argv[2]), 32
request = b"GET /doc?bytes=10 HTTP/1.1\r\nHost: idle\r\n\r\n"
selector = selectors.DefaultSelector()
clients, waiting, answers = [], 0, {}


def take(client):
    got = client.recv(4096)
    if not got:
        sys.exit("a connection was closed after " + str(len(clients)))
    answers[client] = answers.get(client, b"") + got
    head, end, body = answers[client].partition(b"\r\n\r\n")
    return len(body) >= 10 and answers.pop(client)


for number in range(count):
    client = socket.create_connection(("127.0.0.1", port), 120)
    client.sendall(request)
    selector.register(client, selectors.EVENT_READ)
    clients.append(client)
    waiting += 1
    while waiting >= batch or (number == count - 1 and waiting):
        ready = selector.select(120)
        if not ready:
            sys.exit("no answer within two minutes to " + str(waiting))
        for key, _ in ready:
            if take(key.fileobj):
                selector.unregister(key.fileobj)
                waiting -= 1
print("open", count, flush=True)
for line in sys.stdin:
    client = clients[int(line)]
    client.sendall(request)
    answer = b""
    while not answer:
        answer = take(client) or b""
    print(answer.split(b"\r\n")[0].decode(), flush=True)
