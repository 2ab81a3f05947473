/**
 * Following a log: entries in order, without a gap, each verified before it is handed out; resumed after a lost
 * connection. The lines of GET /stream bring the entries, and consistency proofs tie each line to a signed head.
 */
import { concatBytes, equalBytes, fromUtf8 } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { CLIENT_ANSWER_BYTES_MAX, CLIENT_SILENCE_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import { TreeGrowth } from "../log/growth.ts";
import { leafHashes } from "../log/merkle.ts";
import { verifyConsistency } from "../log/proof.ts";
import { bytes, fieldsOf, index } from "./answers.ts";
import { backOff, badAnswer, pause } from "./transport.ts";

/** What following needs of the client. */
export interface EntrySource {
  openStream(from: number, signal: AbortSignal): Promise<Response>;
  /** Verifies a note and demands that its head fits those seen before. */
  openNote(note: string): Promise<SignedHead>;
  consistencyProof(from: number, to: number): Promise<Uint8Array[]>;
  /** The perfect subtrees of [0, size), verified. */
  frontier(size: number): Promise<readonly Uint8Array[]>;
}

/** A line's worth of verified entries. */
export interface VerifiedEntries {
  readonly first: number;
  readonly entries: readonly Uint8Array[];
}

export interface FollowOptions {
  readonly from: number;
  /** Go on with what is appended later; otherwise end at the head as it was when it is reached. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which a connection is given up; CLIENT_SILENCE_MS unless given. */
  readonly silenceMs?: number;
}

/** Verified entries from a sequence number on, a stream's line at a time. */
export async function* followEntries(
  source: EntrySource,
  options: FollowOptions,
): AsyncGenerator<VerifiedEntries> {
  const { signal, follow, silenceMs = CLIENT_SILENCE_MS } = options;
  let next = options.from;
  let frontier = await source.frontier(next);
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const connection = new Connection(signal, silenceMs);
      const response = await connection.hear(source.openStream(next, connection.signal));
      for await (const line of linesOf(response, connection)) {
        const { note, entries } = parseLine(line, next);
        if (note === undefined) break; // The node asks to resume elsewhere, or is about to stop.
        const head = await source.openNote(note);
        if (entries.length > 0) {
          const growth = new TreeGrowth(next, frontier, leafHashes(entries));
          await checkUnder(source, growth, head);
          yield { first: next, entries };
          next = growth.size;
          frontier = growth.frontier;
        }
        if (!follow && next >= head.size) return;
        attempt = 0;
      }
    } catch (error) {
      const isLost =
        !(error instanceof SequencerError) ||
        ["network", "unavailable", "limit-exceeded"].includes(error.code);
      if (signal.aborted) return;
      if (!isLost) throw error;
    }
    await pause(backOff(Math.max(1, attempt)), signal);
  }
}

/** The tree that the entries lead to must be the head's, or an earlier state of it. */
async function checkUnder(source: EntrySource, growth: TreeGrowth, head: SignedHead): Promise<void> {
  const { size, root } = growth;
  if (size > head.size) throw badAnswer("entries beyond the head that covers them");
  const holds =
    size === head.size
      ? equalBytes(root, head.root)
      : verifyConsistency(size, head.size, root, head.root, await source.consistencyProof(size, head.size));
  if (!holds) throw badAnswer(`the entries up to ${size} are not those of the signed log`);
}

interface Line {
  readonly note?: string;
  readonly entries: readonly Uint8Array[];
}

function parseLine(line: string, next: number): Line {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = fieldsOf(JSON.parse(line));
  } catch {
    throw badAnswer("a stream's line that is no JSON object");
  }
  const { first, entries, checkpoint } = fields;
  if (typeof checkpoint !== "string") return { entries: [] };
  if (entries === undefined) return { note: checkpoint, entries: [] };
  if (!Array.isArray(entries) || index(first) !== next) throw badAnswer(`expected entries from ${next} on`);
  return { note: checkpoint, entries: entries.map((entry) => bytes(entry)) };
}

/** A connection that may be dead without anybody having said so: heartbeats come every few seconds. */
class Connection {
  readonly #silence = new AbortController();
  readonly #silenceMs: number;
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal, silenceMs: number) {
    this.#silenceMs = silenceMs;
    this.signal = AbortSignal.any([signal, this.#silence.signal]);
  }

  /** Awaits what the node has to send, and ends the connection if nothing comes. */
  async hear<T>(coming: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#silence.abort(), this.#silenceMs);
    try {
      return await coming;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The chunks of a body; some browsers cannot iterate over a stream. */
async function* chunksOf(response: Response, connection: Connection): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await connection.hear(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function* linesOf(response: Response, connection: Connection): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(response, connection)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = fromUtf8(concatBytes(...pending, chunk.subarray(start, end)));
      if (line === undefined) throw badAnswer("a stream that is not UTF-8");
      yield line;
      pending = [];
      length = 0;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > CLIENT_ANSWER_BYTES_MAX) throw badAnswer("a stream's line without end");
  }
}

/**
 * The perfect subtrees of [0, index), largest first: they are the left siblings on the way from leaf `index` up to the
 * root of a tree of `size` leaves, so a verified inclusion proof holds them.
 */
export function frontierBefore(index: number, size: number, proof: readonly Uint8Array[]): Uint8Array[] {
  const frontier: Uint8Array[] = [];
  let position = index;
  let used = 0;
  for (let width = 1; width < size; width *= 2) {
    const isRight = position % 2 === 1;
    if (isRight) frontier.unshift(proof[used]!);
    if (isRight || (position + 1) * width < size) used++;
    position = Math.floor(position / 2);
  }
  return frontier;
}
