"""Clients of a UDP echo server at 127.0.0.1: many sockets, three datagrams each. Arguments: port,
clients, bytes. Prints how many datagrams came back to the socket that sent them, byte for byte."""

import select
import socket
import sys
import time

port, count, size = map(int, sys.argv[1:])
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
of = {client.fileno(): index for index, client in enumerate(clients)}
right = wrong = 0
for turn in range(3):
    asked = {}
    for index, client in enumerate(clients):
        text = f"{index} {turn} ".encode()
        asked[index] = (text * (size // len(text) + 1))[:size]
        client.sendto(asked[index], ("127.0.0.1", port))
    end = time.monotonic() + 10
    while asked and time.monotonic() < end:
        for client in select.select(clients, [], [], 1)[0]:
            got, _ = client.recvfrom(65536)
            if asked.pop(of[client.fileno()], None) == got:
                right += 1
            else:
                wrong += 1
print(right, wrong)
