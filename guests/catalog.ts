/** The guests that come with Denali, each a file or a folder of sources in `guests/`. */

export interface Guest {
  readonly name: string;
  /** Paths from the repository's root; a folder stands for all sources in it. */
  readonly sources: readonly string[];
  /** What a Linux program made of them needs besides: what is part of Ilwaco in a VM. */
  readonly native?: readonly string[];
}

export const GUESTS: readonly Guest[] = [
  { name: "hello", sources: ["guests/hello.c"] },
  { name: "httpd", sources: ["guests/httpd", "guests/common/net.c"] },
  { name: "echo", sources: ["guests/echo.c"] },
  { name: "ttcp", sources: ["guests/ttcp", "guests/common/net.c"] },
  {
    name: "arena",
    sources: [
      "guests/arena",
      "guests/common/net.c",
      "guests/common/hash.c",
      "guests/common/random.c",
    ],
  },
  {
    name: "arena-bot",
    sources: [
      "guests/arena-bot",
      "guests/arena/protocol.c",
      "guests/common/net.c",
      "guests/common/random.c",
    ],
  },
  {
    name: "kvd",
    sources: [
      "guests/kvd",
      "guests/common/net.c",
      "guests/common/hash.c",
      "guests/common/random.c",
    ],
    native: ["guests/native/block_file.c", "ilwaco/store"],
  },
  { name: "telnetd", sources: ["guests/telnetd", "guests/common/net.c"] },
  { name: "spin", sources: ["guests/spin.c"] },
];
