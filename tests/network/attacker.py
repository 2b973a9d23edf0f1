"""Frames that no socket sends: `attacker.py ATTACK DEVICE HOST PORT [NUMBER]`, as root.

HOST is a VM with an echo server (guests/echo.c) on PORT, on the link of DEVICE. Ends with 0 if the VM
stood it.
"""

import random
import socket
import struct
import sys
import threading
import time

from client import connect, echo_once, pattern, receive

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETH_P_ALL = 3
TCP, UDP = 6, 17
MASK = 0xFFFFFFFF
SYN_RATE = 2000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


class Link:
    """Raw access to the device; frames to `host` from this machine's MAC address."""

    def __init__(self, device, host):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((device, 0))
        self.host = socket.inet_aton(host)
        echo_once(host, 7, b"who has?")
        with open("/proc/net/arp") as table:
            entry = next(line.split() for line in table if line.startswith(host + " "))
        mac = bytes.fromhex(entry[3].replace(":", ""))
        self.own = self.socket.getsockname()[4]
        self.ethernet = mac + self.own + b"\x08\x00"

    def ip(self, protocol, source, payload, ident=0, offset=0, more=False, total=None):
        """Sends one packet, or one fragment: `offset` in bytes."""
        fragment = (0x2000 if more else 0) | offset // 8
        length = 20 + len(payload) if total is None else total
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, ident, fragment, 64, protocol, 0, source, self.host)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        self.socket.send(self.ethernet + header + payload)

    def tcp(self, source, sport, dport, seq, ack, flags, payload=b""):
        segment = struct.pack("!HHIIBBHHH", sport, dport, seq & MASK, ack & MASK, 0x50, flags, 65535, 0, 0)
        segment += payload
        pseudo = source + self.host + struct.pack("!BBH", 0, TCP, len(segment))
        segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
        self.ip(TCP, source, segment)

    def segments(self, sport, seconds):
        """What comes from the host to our port within that time: (seq, ack, flags, payload bytes)."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(2048)
            except TimeoutError:
                return
            if frame[12:14] != b"\x08\x00" or frame[23] != TCP or frame[26:30] != self.host:
                continue
            at = 14 + (frame[14] & 15) * 4
            _, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", frame[at : at + 14])
            size = struct.unpack("!H", frame[16:18])[0] - (at - 14) - (offset >> 4) * 4
            if dport == sport:
                yield seq, ack, flags, size


def forged_rst(device, host, port, count):
    """RFC 5961: only a RST with the very next number ends a connection; one that is near is questioned."""
    link = Link(device, host)
    with connect(host, port) as s:
        address, sport = s.getsockname()
        own = socket.inet_aton(address)

        def still_open():
            s.sendall(b"still open")
            assert receive(s, 10) == b"still open"

        def position():
            """What the VM expects next from us, and what it will send next."""
            for _ in link.segments(sport, 0.05):
                pass
            s.sendall(b"x")
            receive(s, 1)
            seen = []
            while not seen:  # the echo has come; but a machine may stand still for as long as we look
                seen = [(seq + size, ack) for seq, ack, _, size in link.segments(sport, 0.3)]
            return max(ack for _, ack in seen), max(seq for seq, _ in seen)

        still_open()
        expected, _ = position()
        for _ in range(count):
            # Outside of any window, which is 1 GiB at most.
            link.tcp(own, sport, port, expected + random.randrange(2**30, 2**31), 0, RST)
            link.tcp(own, sport, port, expected - random.randrange(1, 2**31), 0, RST)
        still_open()
        for flags in (RST, SYN):
            expected, _ = position()
            link.tcp(own, sport, port, expected + 100, 0, flags)
            answers = (ack for _, ack, got, _ in link.segments(sport, 60) if got & ACK)
            assert expected in answers, f"expected a challenge ACK of {expected}"
            still_open()
        # Data of somebody who guesses: far from what is expected, it must not get in.
        expected, next_of_vm = position()
        for _ in range(count):
            seq = expected + random.randrange(2**30, 2**31)
            link.tcp(own, sport, port, seq, next_of_vm, ACK | PSH, b"forged")
        still_open()
        expected, _ = position()
        link.tcp(own, sport, port, expected, 0, RST)
        time.sleep(0.2)
        try:
            s.sendall(b"?")
            assert s.recv(1) == b"", "expected the connection to be over"
            raise AssertionError("expected a reset")
        except ConnectionResetError:
            pass
    echo_once(host, port, b"and others go on")


def syn_flood(device, host, port, count):
    """Requests from hosts that do not exist, near and far, while a client comes again and again."""
    link = Link(device, host)
    served, failed, over = [0], [], threading.Event()

    def legitimate():
        while not over.is_set():
            try:
                echo_once(host, port, b"a client %d" % served[0])
                served[0] += 1
            except OSError as error:
                failed.append(error)
                return

    client = threading.Thread(target=legitimate)
    client.start()
    start = time.monotonic()
    for i in range(count):
        source = bytes([10, 80, random.randrange(1, 255), random.randrange(1, 255)])
        if i % 2:
            source = bytes([172, 16 + i % 16, random.randrange(256), random.randrange(1, 255)])
        link.tcp(source, random.randrange(1024, 65536), port, random.getrandbits(32), 0, SYN)
        # As many per second as that.
        if i % 50 == 0 and (ahead := start + i / SYN_RATE - time.monotonic()) > 0:
            time.sleep(ahead)
    during = served[0]
    over.set()
    client.join()
    assert not failed, failed
    assert during > 0, "no client was served during the flood"
    echo_once(host, port, b"afterwards")


def datagram(sport, dport, data):
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def fragments(device, host, port, count):
    """Fragments that overlap, contradict one another, or reach beyond the largest packet."""
    link = Link(device, host)
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.connect((host, port))
    own, sport = answers.getsockname()
    own = socket.inet_aton(own)

    def send(ident, pieces):
        for offset, data, more in pieces:
            link.ip(UDP, own, data, ident, offset, more)

    good, evil = datagram(sport, port, pattern(1000)), datagram(sport, port, b"e" * 1000)
    for i in range(count):
        kind, ident = i % 8, 1 + i % 65000
        if kind == 0:  # the second half twice, with other bytes
            send(ident, [(0, good[:512], True), (256, evil[256:768], True), (512, good[512:], False)])
        elif kind == 1:  # the second inside of the first (teardrop)
            send(ident, [(0, good[:512], True), (64, evil[64:128], False)])
        elif kind == 2:  # the whole datagram covered by one that begins before it
            send(ident, [(512, good[512:], False), (0, evil[:768], True)])
        elif kind == 3:  # beyond 65,535 bytes (ping of death)
            send(ident, [(65528, b"x" * 1400, False), (0, good[:512], True)])
        elif kind == 4:  # two ends
            send(ident, [(512, good[512:], False), (768, evil[768:], False), (0, good[:512], True)])
        elif kind == 5:  # a piece that is not a multiple of eight, and not the last
            send(ident, [(0, good[:509], True), (512, good[512:], False)])
        elif kind == 6:  # nothing in it
            send(ident, [(0, b"", True), (8, b"", False)])
        else:  # never completed
            send(ident, [(8 * (i % 100), good[:8], True)])
    echo_once(host, port, b"meanwhile")
    answers.settimeout(1)
    try:
        got = answers.recv(2000)
        raise AssertionError(f"an answer to a contradiction: {got[:20]!r} of {len(got)} bytes")
    except TimeoutError:
        pass
    answers.settimeout(20)
    answers.send(b"whole datagrams go on")
    assert answers.recv(2000) == b"whole datagrams go on"


def reassembly(device, host, port, _):
    """Fragments in any order make the datagram."""
    link = Link(device, host)
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.connect((host, port))
    own, sport = answers.getsockname()
    data = pattern(1400)
    whole = datagram(sport, port, data)
    pieces = [(0, whole[:480], True), (480, whole[480:960], True), (960, whole[960:], False)]
    answers.settimeout(20)
    for ident, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 0, 1, 2])):
        for i in order:
            offset, piece, more = pieces[i]
            link.ip(UDP, socket.inet_aton(own), piece, 70 + ident, offset, more)
        assert answers.recv(2000) == data, f"order {order}"


ATTACKS = {attack.__name__: attack for attack in (forged_rst, syn_flood, fragments, reassembly)}

if __name__ == "__main__":
    attack, device, host, port, *number = sys.argv[1:]
    ATTACKS[attack](device, host, int(port), int(number[0]) if number else 0)
