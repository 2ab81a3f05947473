/**
 * Parameters from `unknown` to what the methods work with. Every refusal is -32602 and says what was expected.
 */
import { SequencerError } from "../base/errors.ts";

/** A sequence number or a size. */
export function parseIndex(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new SequencerError("invalid-params", `${name} must be a whole number from 0 to 2^53 - 1`);
}

export function parseOptionalIndex(value: unknown, name: string): number | undefined {
  return value === undefined ? undefined : parseIndex(value, name);
}

/** The options of an append: what its receipt is to contain. */
export function parseReceiptOption(options: unknown): "full" | "ack" {
  if (options === undefined) return "full";
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new SequencerError("invalid-params", "options must be an object");
  }
  for (const name of Object.keys(options)) {
    if (name !== "receipt") {
      throw new SequencerError("invalid-params", `unknown option ${name.slice(0, 100)}`, {
        data: { options: ["receipt"] },
      });
    }
  }
  const { receipt = "full" } = options as { receipt?: unknown };
  if (receipt === "full" || receipt === "ack") return receipt;
  throw new SequencerError("invalid-params", 'receipt must be "full" or "ack"');
}
