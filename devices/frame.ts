/** Sizes of Ethernet frames, in bytes and without FCS. */

/** Of the header: destination, source, ethertype. */
export const FRAME_MINIMUM = 14;
/** Of the largest frame on a wire. */
export const FRAME_MAXIMUM = 1514;
/** Of the largest frame with offload (devices/offload.ts): it holds the largest IPv4 packet. */
export const LARGE_FRAME_MAXIMUM = FRAME_MINIMUM + 65_535;
