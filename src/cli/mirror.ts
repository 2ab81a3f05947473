/**
 * A log read as files, C2SP tlog-tiles: from a node or from any server that mirrors one.
 */
import { SequencerError } from "../base/errors.ts";
import { NOTE_BYTES_MAX } from "../base/limits.ts";
import { Transport } from "../client/transport.ts";
import { parseNote } from "../log/note.ts";
import { unpackEntries } from "../log/packed-entries.ts";
import { TILE_WIDTH, tilePath } from "../log/tiles.ts";

/** Bundles that are fetched at once. */
const FETCHES = 8;

/** The checkpoint's note and the size that it states; nothing is verified yet. */
export async function mirrorHead(url: string): Promise<{ note: string; size: number }> {
  const response = await new Transport(url).get("/checkpoint");
  const note = response.ok ? await response.text() : "";
  const size = Number(parseNote(note.slice(0, NOTE_BYTES_MAX + 1))?.text.split("\n")[1] ?? Number.NaN);
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new SequencerError(
      "verification",
      `${url}/checkpoint is not a signed checkpoint of a log with entries`,
    );
  }
  return { note, size };
}

/** The first `size` entries, a bundle at a time, a few bundles ahead. */
export async function* entriesOfMirror(url: string, size: number): AsyncGenerator<Uint8Array[]> {
  const transport = new Transport(url);
  const ahead: Promise<Uint8Array[]>[] = [];
  const bundles = Math.ceil(size / TILE_WIDTH);
  for (let index = 0; index < bundles || ahead.length > 0; index++) {
    if (index < bundles) {
      const bundle = fetchBundle(transport, index, Math.min(TILE_WIDTH, size - index * TILE_WIDTH));
      bundle.catch(() => undefined); // Awaited below, in order.
      ahead.push(bundle);
    }
    if (ahead.length >= FETCHES || index >= bundles - 1) yield await ahead.shift()!;
  }
}

async function fetchBundle(transport: Transport, index: number, width: number): Promise<Uint8Array[]> {
  const path = `/${tilePath({ kind: "entries", index, width })}`;
  const response = await transport.get(path);
  const entries = response.ok
    ? unpackEntries(new Uint8Array(await response.arrayBuffer()), width)
    : undefined;
  if (entries !== undefined) return entries;
  throw new SequencerError(
    "verification",
    `${transport.url}${path} is not a bundle of ${width} entries (HTTP ${response.status})`,
  );
}
