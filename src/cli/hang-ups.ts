/**
 * What nobody caught. It ends the process, but for one error: libp2p's muxer announces a stream that it opens in a
 * microtask of its own, and if the peer hangs up just then, what the closing connection throws can be caught nowhere.
 * The stream and its connection are lost anyway; whoever wanted them is told by the stream.
 */
import type { Logger } from "pino";

/** Frames of a stack, and those of them that lie in libp2p's packages. */
const FRAME = /file:\/\/\S+/g;
const LIBP2P = /\/node_modules\/@(?:libp2p|chainsafe)\//;

/**
 * @param onFatal takes every other error
 * @returns how many hang-ups were survived so far
 */
export function surviveHangUps(logger: Logger, onFatal: (error: unknown) => void): () => number {
  let count = 0;
  process.on("uncaughtException", (error: unknown) => {
    if (!isHangUp(error)) return onFatal(error);
    count++;
    logger.warn({ err: error }, "a peer hung up");
  });
  return () => count;
}

/** With a line of ours on the stack it is our mistake. */
function isHangUp(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "StreamStateError") return false;
  const frames = error.stack?.match(FRAME) ?? [];
  return frames.length > 0 && frames.every((frame) => LIBP2P.test(frame));
}
