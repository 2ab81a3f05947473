/**
 * Waiting for room in a libp2p stream. Its own `onDrain()` waits for the first drain only: @libp2p/utils 7.4.1 keeps the
 * promise that it resolved, so that a peer who stops reading later makes a writer hold all it writes.
 */
import type { Stream } from "@libp2p/interface";
import { pEvent } from "p-event";

/**
 * A drain may fill the stream up again at once, with what had been left over: then the wait goes on.
 * @throws when the stream has ended, and when the signal says so
 */
export async function untilDrained(stream: Stream, signal?: AbortSignal): Promise<void> {
  while (stream.writableNeedsDrain) {
    if (stream.status !== "open") throw new Error(`the stream is ${stream.status}`);
    await pEvent(stream, ["drain", "close"], signal && { signal });
  }
}
