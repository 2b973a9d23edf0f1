/** The Internet checksum, which the gateway shares with the switch (devices/checksum.ts). */
export * from "../../devices/checksum.ts";
