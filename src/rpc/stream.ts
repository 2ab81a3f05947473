/**
 * GET /stream?from=N: the log as lines of JSON, history then live without a gap, SPEC section 5. One loop serves both:
 * everything up to the newest signed head is sent under that head, then the next head is waited for. Memory per
 * reader is one line; a reader that leaves its socket full is told where to resume.
 */
import type { ServerResponse } from "node:http";
import { READ_ENTRIES_MAX, STREAM_HEARTBEAT_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import { PACKED_BYTES_MAX } from "../log/packed-entries.ts";
import { AnswerText, releaseAnswer } from "./answer-text.ts";
import { writeEntriesHex } from "./entry-json.ts";

/**
 * Streams until the reader leaves, stalls, or the signal says stop; the last line of an orderly end is {next}.
 * @param stallMs how long the reader may leave its socket full
 */
export async function streamLog(
  log: Log,
  from: number,
  response: ServerResponse,
  stallMs: number,
  stop: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const ended = AbortSignal.any([gone.signal, stop]);
  const write = (line: string | Uint8Array): Promise<boolean> => writeLine(response, line, stallMs, ended);
  let next = from;
  let heartbeatDue = true;
  while (!ended.aborted) {
    const head = log.signed!;
    if (head.size > next) {
      const sent = await sendUpTo(log, next, head, write, ended);
      next = sent.next;
      if (sent.stalled) break;
      heartbeatDue = false;
    } else {
      // A first heartbeat tells a reader at the end of the log that it is there.
      if (heartbeatDue && !(await write(`{"checkpoint":${JSON.stringify(head.note)}}\n`))) break;
      // While that line was written, the next head may have come.
      heartbeatDue = log.signed === head && !(await published(log, ended));
    }
  }
  if (gone.signal.aborted) return;
  response.end(`{"next":${next}}\n`);
  // A reader that still does not read would hold the socket for ever.
  setTimeout(() => response.destroy(), STREAM_HEARTBEAT_MS).unref();
}

async function sendUpTo(
  log: Log,
  from: number,
  head: SignedHead,
  write: (line: string | Uint8Array) => Promise<boolean>,
  ended: AbortSignal,
): Promise<{ next: number; stalled: boolean }> {
  const checkpoint = JSON.stringify(head.note);
  let next = from;
  while (next < head.size && !ended.aborted) {
    const line = new AnswerText();
    line.write(`{"first":${next},"entries":[`);
    // As much as a block may hold, and never more than one answer of sequencer_read.
    let bytes = 0;
    for (const piece of log.pieces(next, Math.min(head.size, next + READ_ENTRIES_MAX))) {
      if (bytes > 0 && bytes + piece.entries.length > PACKED_BYTES_MAX) break;
      if (bytes > 0) line.write(",");
      writeEntriesHex(piece, line);
      bytes += piece.entries.length;
      next += piece.count;
    }
    line.writeUtf8(`],"checkpoint":${checkpoint}}\n`);
    if (!(await write(line.finish()))) return { next, stalled: true };
  }
  return { next, stalled: false };
}

/** Waits until the line is on its way; false if the reader left its socket full for too long. */
async function writeLine(
  response: ServerResponse,
  line: string | Uint8Array,
  stallMs: number,
  ended: AbortSignal,
): Promise<boolean> {
  if (response.write(line, () => releaseAnswer(line))) return true;
  return await waitFor(
    (done) => {
      response.once("drain", done);
      return () => response.off("drain", done);
    },
    stallMs,
    ended,
  );
}

/** Waits for the next signed head; false after a heartbeat's time without one. */
async function published(log: Log, ended: AbortSignal): Promise<boolean> {
  return await waitFor((done) => log.onPublish(done), STREAM_HEARTBEAT_MS, ended);
}

async function waitFor(
  subscribe: (done: () => void) => () => void,
  timeoutMs: number,
  ended: AbortSignal,
): Promise<boolean> {
  if (ended.aborted) return false;
  return await new Promise((resolve) => {
    const finish = (happened: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      ended.removeEventListener("abort", onEnd);
      resolve(happened);
    };
    const onEnd = (): void => finish(false);
    const timer = setTimeout(() => finish(false), timeoutMs);
    const unsubscribe = subscribe(() => finish(true));
    ended.addEventListener("abort", onEnd, { once: true });
  });
}
