/**
 * Requests over libp2p streams: both ends of a protocol in which each request frame gets one answer frame. Frames,
 * times and streams are bounded; a peer that breaks the rules loses its stream.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { SequencerError } from "../base/errors.ts";
import { FRAME_SLACK_BYTES, SYNC_IDLE_MS, SYNC_REQUEST_MS } from "../base/limits.ts";

/** Bytes of a frame's length: no frame comes near 2^28 bytes. */
const LENGTH_BYTES_MAX = 4;

export interface ChannelProtocol {
  readonly name: string;
  readonly requestBytesMax: number;
  readonly answerBytesMax: number;
  /** Channels to one peer, and streams that one connection may open to us. */
  readonly channelsMax: number;
  readonly streamsMax: number;
}

/** The asking end: one request at a time on a stream that is kept for the next one. */
export class Channel {
  readonly #open: (signal: AbortSignal) => Promise<Stream>;
  readonly #protocol: ChannelProtocol;
  #stream: Stream | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #pending = 0;

  constructor(protocol: ChannelProtocol, open: (signal: AbortSignal) => Promise<Stream>) {
    this.#protocol = protocol;
    this.#open = open;
  }

  /** The answer frame. @throws SequencerError `network` if it does not come in time; the request may have arrived */
  request(frame: Uint8Array, timeoutMs = SYNC_REQUEST_MS): Promise<Uint8Array> {
    this.#pending++;
    const answer = this.#queue.then(() => this.#exchange(frame, timeoutMs)).finally(() => this.#pending--);
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  /** Requests that are under way or wait. */
  get pending(): number {
    return this.#pending;
  }

  close(): void {
    this.#stream?.abort(new Error("closed"));
    this.#stream = undefined;
  }

  async #exchange(frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      if (this.#stream?.status !== "open") this.#stream = await this.#open(signal);
      const frames = framesOf(this.#stream, this.#protocol.answerBytesMax);
      await frames.write(frame, { signal });
      const answer = await frames.read({ signal });
      frames.unwrap();
      return answer.subarray();
    } catch (cause) {
      this.close();
      throw new SequencerError("network", `a peer did not answer on ${this.#protocol.name}`, { cause });
    }
  }
}

/**
 * The answering end: serves a stream until the peer leaves, idles, or sends what is no request.
 * @param answer the answer frame, or undefined to cut the peer off
 */
export async function serveStream(
  stream: Stream,
  connection: Connection,
  protocol: ChannelProtocol,
  answer: (frame: Uint8Array, peer: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<void> {
  const peer = connection.remotePeer.toString();
  try {
    const frames = framesOf(stream, protocol.requestBytesMax);
    for (;;) {
      const request = await frames.read({ signal: AbortSignal.timeout(SYNC_IDLE_MS) });
      const reply = await answer(request.subarray(), peer);
      if (reply === undefined) throw new Error("not a request");
      await frames.write(reply, { signal: AbortSignal.timeout(SYNC_REQUEST_MS) });
    }
  } catch (error) {
    // The peer has gone, idles, does not read, or sends nonsense: in every case the stream is all there is to end.
    stream.abort(error as Error);
  }
}

/** One frame at a time travels each way: a peer that sends more before it is answered overruns the buffer. */
function framesOf(stream: Stream, bytesMax: number) {
  return lpStream(stream, {
    maxDataLength: bytesMax,
    maxBufferSize: bytesMax + FRAME_SLACK_BYTES,
    lengthDecoder: decodeLength,
  });
}

/**
 * A frame's length as a varint, by bytes as they come: a RangeError asks for one more. The library's own decoder asks
 * for more of a length that is too long already, without end.
 */
function decodeLength(list: Pick<Uint8Array, "subarray">): number {
  const bytes = list.subarray();
  const last = bytes.length - 1;
  if (last >= LENGTH_BYTES_MAX) throw new Error("the length of a frame is too long");
  if (last < 0 || bytes[last]! >= 0x80) throw new RangeError("a length that goes on");
  let length = 0;
  for (let i = last; i >= 0; i--) length = length * 0x80 + (bytes[i]! & 0x7f);
  return length;
}
