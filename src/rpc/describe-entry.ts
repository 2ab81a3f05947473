/**
 * An entry as JSON, for sequencer_read: the payload as it is, and its fields for those who do not decode.
 */
import { toHex } from "../base/bytes.ts";
import { decodeEntry, PAYLOAD_TYPES, payloadTypeName } from "../log/entry.ts";
import type { LogEntry } from "../log/log.ts";
import { decodeOperation } from "../sequencing/transaction.ts";

export function describeEntry({ sequence, entry, id }: LogEntry): Record<string, unknown> {
  const { timestamp, payload } = decodeEntry(entry)!;
  const type = payload[0];
  const common = {
    sequence,
    timestamp,
    id: sequence === 0 ? null : toHex(id),
    type: payloadTypeName(payload),
  };
  if (type !== PAYLOAD_TYPES.transaction && type !== PAYLOAD_TYPES.permissionChange) {
    return { ...common, from: null, payload: toHex(payload) };
  }
  const operation = decodeOperation(payload);
  const fields =
    operation.type === "transaction"
      ? { data: toHex(operation.data) }
      : { account: toHex(operation.account), role: operation.role };
  return { ...common, from: toHex(operation.from), ...fields, payload: toHex(payload) };
}
