/** Both directions, set on both sides: grpc-js by itself sends without limit. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024

/** Batches of a lane come in bursts: with the 64 KB default each waits for a round trip in its middle. */
export const FLOW_WINDOW_BYTES = 1024 * 1024
