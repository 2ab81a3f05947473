/**
 * What a worker makes of the bodies of requests: a ReadRequest of each that is just valid appends, no bytes of each
 * other one. Those in the shapes that assembly/read knows are read and packed as columns; what it does not know is read
 * by JavaScript, which decides alike. The signatures of a job are verified together: once for each of the two ways.
 */
import type { TaskHandler } from "../sequencing/job-server.ts";
import { packColumns, packedColumnsLength } from "../sequencing/transaction-batch.ts";
import type { Verification } from "../sequencing/transaction-columns.ts";
import type { TransactionReader } from "../sequencing/transaction-reader.ts";
import { type AppendColumns, appendColumns } from "./append-columns.ts";
import { parseAppendRequest } from "./append-request.ts";
import { beginReadRequest, packReadRequest } from "./read-request.ts";

const NOT_JUST_APPENDS = new Uint8Array(0);
const BATCH_BEGIN = "[".charCodeAt(0);

/** Does tasks of kind `read`: the body of a request in, a ReadRequest out, or nothing if it is not just appends. */
export function readTask(reader: TransactionReader): TaskHandler {
  return (bodies) => {
    const read = appendColumns === undefined ? [] : readColumns(reader, appendColumns, bodies);
    const others = bodies.filter((_, i) => read[i] === undefined);
    if (others.length === 0) return read as Uint8Array[];
    const rest = readCalls(reader, others);
    let next = 0;
    return bodies.map((_, i) => read[i] ?? rest[next++]!);
  };
}

/** Each request by itself, call by call. */
export function readCalls(reader: TransactionReader, bodies: readonly Uint8Array[]): Uint8Array[] {
  const requests = bodies.map(parseAppendRequest);
  const read = reader.read(requests.map((request) => request?.payloads));
  return read.map((packed, i) =>
    packed === undefined ? NOT_JUST_APPENDS : packReadRequest(requests[i]!, packed),
  );
}

/** The places of a request in the columns: none if they do not know it, or one of its transactions is refused. */
interface Part {
  readonly isKnown: boolean;
  readonly from: number;
  readonly to: number;
}

/** The same of requests that the columns know; undefined of each other one. */
export function readColumns(
  reader: TransactionReader,
  columns: AppendColumns,
  bodies: readonly Uint8Array[],
): (Uint8Array | undefined)[] {
  let count = 0;
  const parts = bodies.map((body): Part => {
    const from = count;
    const calls = columns.read(body, from);
    // Of a request that is refused nothing stays: the next one takes its places.
    if (calls > 0 && reader.mayOrder(columns, from, from + calls)) count += calls;
    return { isKnown: calls > 0, from, to: count };
  });
  const verified = reader.verify(columns, count);
  return parts.map((part, i) => {
    if (!part.isKnown) return undefined;
    if (part.from === part.to) return NOT_JUST_APPENDS;
    return packPart(columns, verified, part, bodies[i]![0] === BATCH_BEGIN);
  });
}

function packPart(
  columns: AppendColumns,
  verified: Verification,
  { from, to }: Part,
  isBatch: boolean,
): Uint8Array {
  const length = packedColumnsLength(columns, from, to);
  const { bytes, room } = beginReadRequest(isBatch, to - from, columns.lines(from, to), length);
  packColumns(columns, verified, from, to, room);
  return bytes;
}
