/**
 * Requests of appends that are read in both ways, in WebAssembly and by JavaScript, and compared.
 */
import assert from "node:assert/strict";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { appendColumns } from "../../src/rpc/append-columns.ts";
import { readCalls, readColumns, readTask } from "../../src/rpc/read-appends.ts";
import { body, call, openReader, payloadOf } from "./append-bodies.ts";

/** Requests of one job: how many of them WebAssembly knows, after all of them were compared. */
export function compare(bodies: readonly Uint8Array[]): number {
  const expected = readCalls(openReader().reader, bodies);
  const known = readColumns(openReader().reader, appendColumns!, bodies);
  for (const [i, bytes] of known.entries()) {
    if (bytes !== undefined) assert.deepEqual(hex(bytes), hex(expected[i]!));
  }
  assert.deepEqual(readTask(openReader().reader)(bodies).map(hex), expected.map(hex));
  return known.filter((bytes) => bytes !== undefined).length;
}

export const hex = (bytes: Uint8Array): string => toHex(bytes);

/** Compared, and accepted in WebAssembly. */
export function assertKnown(text: string): void {
  assert.equal(compare([utf8(text)]), 1, text.slice(0, 300));
  assert.ok(readCalls(openReader().reader, [utf8(text)])[0]!.length > 0, text.slice(0, 300));
}

export function assertUnknown(text: string): void {
  assert.equal(compare([utf8(text)]), 0, text.slice(0, 300));
}

export const VALID = payloadOf({});
export const MEMBERS: readonly string[] = [
  '"jsonrpc":"2.0"',
  '"id":7',
  '"method":"sequencer_append"',
  `"params":["${toHex(VALID)}"]`,
];
export const withId = (id: string): string => `{${MEMBERS.with(1, `"id":${id}`)}}`;
export const withPayload = (payload: Uint8Array): string => body([call({ params: [toHex(payload)] })]);
