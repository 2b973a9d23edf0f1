/** The judge that counts: Linux's own TCP/IP on the other end of a TAP device. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayError } from "./gateway.ts";
import { type LinuxPeer, missing, startLinuxPeer } from "./linux_tap.ts";
import { ADDRESS_B } from "./simulation.ts";
import { assertSameBytes, collect, randomBytes, transmit } from "./simulation_streams.ts";

const reason = missing();
if (reason !== null) console.log(`The tests against Linux's TCP are ignored: ${reason}.`);

const TEN_MEGABYTES = 10_000_000;

/** Port 7 echoes, 8 resets after the first bytes, 9 sends "bye" and closes; prints when it listens. */
const SERVER = `
import socket, struct, threading
def listen(port, serve):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.0.0.2", port))
    s.listen(1000)
    def loop():
        while True:
            c, _ = s.accept()
            threading.Thread(target=serve, args=(c,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
def echo(c):
    while True:
        b = c.recv(65536)
        if not b: break
        c.sendall(b)
    c.close()
def reset(c):
    c.recv(10)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
def bye(c):
    c.sendall(b"bye")
    c.close()
listen(7, echo); listen(8, reset); listen(9, bye)
print("ready", flush=True)
threading.Event().wait()
`;

function linuxTest(name: string, body: (peer: LinuxPeer) => Promise<void>, loss = 0): void {
  Deno.test({
    name: `against Linux: ${name}`,
    ignore: reason !== null,
    fn: async () => {
      const peer = await startLinuxPeer(loss);
      const server = peer.spawn("python3", "-c", SERVER);
      try {
        await server.stdout.getReader().read();
        await body(peer);
      } finally {
        server.kill("SIGKILL");
        await server.status;
        await peer.close();
      }
    },
  });
}

async function echoTenMegabytes({ gateway }: LinuxPeer): Promise<void> {
  const connection = await gateway.connect(ADDRESS_B, 7);
  const bytes = randomBytes(TEN_MEGABYTES);
  const start = performance.now();
  const [echoed] = await Promise.all([collect(connection), transmit(connection, bytes)]);
  const seconds = (performance.now() - start) / 1000;
  assertSameBytes(echoed, bytes);
  const { retransmissions, fastRetransmissions, timeouts, outOfOrder } = gateway.stats().tcp;
  console.log(
    `10 MB each way in ${seconds.toFixed(2)} s, ${retransmissions} retransmissions ` +
      `(${fastRetransmissions} fast, ${timeouts} timeouts), ${outOfOrder} out of order`,
  );
}

linuxTest("10 MB go there and back byte-exact", echoTenMegabytes);

linuxTest("10 MB go there and back byte-exact while 1 % is lost each way", async (peer) => {
  await echoTenMegabytes(peer);
  assert(peer.gateway.stats().tcp.outOfOrder > 0, "nothing of Linux was lost");
  assert(peer.gateway.stats().tcp.fastRetransmissions > 0, "nothing of ours was lost");
}, 0.01);

/** Echo requests of some sizes by a raw socket; prints whether each answer is the request's echo. */
const PING = `
import socket, struct
def checksum(b):
    b += b"\\0" * (len(b) % 2)
    t = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    t = (t >> 16) + (t & 0xffff)
    return ~(t + (t >> 16)) & 0xffff
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.settimeout(5)
for sequence, size in enumerate((0, 57, 1472, 4000, 65507)):
    rest = struct.pack("!HH", 77, sequence) + bytes(i % 251 for i in range(size))
    request = struct.pack("!BBH", 8, 0, checksum(b"\\x08\\0\\0\\0" + rest)) + rest
    s.sendto(request, ("10.0.0.1", 0))
    answer = s.recv(65535)[20:]
    print(size, answer[:2] == b"\\0\\0" and answer[4:] == rest and checksum(answer) == 0)
`;

linuxTest("ping is answered in both directions, with up to 65,507 bytes", async (peer) => {
  const text = await peer.run("python3", "-c", PING);
  assertEquals(text, "0 True\n57 True\n1472 True\n4000 True\n65507 True\n");
  await peer.gateway.ping(ADDRESS_B);
});

linuxTest("a closed port refuses, a reset arrives as reset, FIN as the end", async (peer) => {
  const { gateway } = peer;
  await assertRejects(() => gateway.connect(ADDRESS_B, 10), GatewayError, "refused");
  const doomed = await gateway.connect(ADDRESS_B, 8);
  await doomed.write(new Uint8Array(10));
  await assertRejects(() => doomed.read(), GatewayError, "reset");
  const short = await gateway.connect(ADDRESS_B, 9);
  assertEquals(new TextDecoder().decode(await collect(short)), "bye");
  await short.closeWrite();
});

linuxTest("a thousand connections at once are all served", async ({ gateway }) => {
  const one = async (index: number) => {
    const connection = await gateway.connect(ADDRESS_B, 7);
    await connection.write(new TextEncoder().encode(`connection ${index}`));
    await connection.closeWrite();
    return new TextDecoder().decode(await collect(connection));
  };
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => one(index)));
  answers.forEach((answer, index) => assertEquals(answer, `connection ${index}`));
});

linuxTest(
  "Linux connects to a listener, sends datagrams of any size and is refused elsewhere",
  async (peer) => {
    peer.gateway.listen(80, async (connection) => {
      const request = await collect(connection);
      await transmit(connection, request.reverse());
    });
    peer.gateway.bindUdp(53, (payload, _from, reply) => reply(payload.reverse()));
    const text = await peer.run(
      "python3",
      "-c",
      `
import socket
c = socket.create_connection(("10.0.0.1", 80))
c.sendall(b"x" * 3000000 + b"y")
c.shutdown(socket.SHUT_WR)
got = b""
while True:
    b = c.recv(65536)
    if not b: break
    got += b
print(len(got), got[:2])
for family, to in ((socket.SOCK_STREAM, ("10.0.0.1", 81)), (socket.SOCK_DGRAM, ("10.0.0.1", 54))):
    s = socket.socket(socket.AF_INET, family)
    s.settimeout(5)
    try:
        s.connect(to)
        s.send(b"?")
        s.recv(10)
        print("served?")
    except ConnectionRefusedError:
        print("refused")
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(5)
u.sendto(b"name", ("10.0.0.1", 53))
print(u.recv(10))
large = bytes(i % 251 for i in range(60000))
u.sendto(large, ("10.0.0.1", 53))
print(u.recv(65535) == large[::-1])
`,
    );
    const lines = ["3000001 b'yx'", "refused", "refused", "b'eman'", "True"];
    assertEquals(text.trim().split("\n"), lines);
  },
);
