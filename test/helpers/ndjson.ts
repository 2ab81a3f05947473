/**
 * A reader of GET /stream, line by line.
 */
import { type Cleanup, defer } from "./cleanup.ts";

export interface StreamLine {
  readonly first?: number;
  readonly entries?: readonly string[];
  readonly checkpoint?: string;
  readonly next?: number;
}

export interface OpenStream {
  readonly response: Response;
  /** The next line; rejects when the stream has ended. */
  next(): Promise<StreamLine>;
  close(): void;
}

export async function openStream(cleanup: Cleanup, url: string): Promise<OpenStream> {
  const stop = new AbortController();
  const close = (): void => stop.abort();
  defer(cleanup, close);
  const response = await fetch(url, { signal: stop.signal });
  const lines = linesOf(response);
  return {
    response,
    close,
    next: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the stream has ended");
      return JSON.parse(value) as StreamLine;
    },
  };
}

async function* linesOf(response: Response): AsyncGenerator<string, undefined> {
  let pending = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const parts = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = parts.pop()!;
    yield* parts;
  }
  if (pending !== "") throw new Error(`half a line: ${pending.slice(0, 100)}`);
}
