/**
 * The one error class and the catalogue of what can go wrong at the border, with the JSON-RPC code of each
 * (JSON-RPC 2.0 section 5.1 and EIP-1474). SPEC section 5.
 */

/** JSON-RPC code of every error that a caller can be answered with. */
export const RPC_CODES = {
  "parse-error": -32700,
  "invalid-request": -32600,
  "method-not-found": -32601,
  "invalid-params": -32602,
  internal: -32603,
  "not-found": -32001,
  unavailable: -32002,
  rejected: -32003,
  "limit-exceeded": -32005,
} as const;

/** Errors that stop a command or a node; they never travel over JSON-RPC. */
export type OperatorErrorCode =
  | "usage"
  | "configuration"
  | "key"
  | "store"
  | "locked"
  | "guard"
  | "equivocation"
  | "verification"
  | "network"
  | "chain"
  | "upgrade-required";

export type ErrorCode = keyof typeof RPC_CODES | OperatorErrorCode;

/** Why a well-formed request for an append was refused (SPEC section 5, code -32003). */
export type RejectionReason =
  | "malformed"
  | "too-large"
  | "not-permitted"
  | "invalid-signature"
  | "expired"
  | "expires-too-late"
  | "last-admin";

export interface ErrorDetails {
  /** Machine-readable facts, JSON values only. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** What to do next, as one sentence or one command. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What the world did wrong. What the programmer did wrong is an AssertionError. */
export class SequencerError extends Error {
  override readonly name = "SequencerError";
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.data = details.data;
    this.hint = details.hint;
  }
}

/** The refusal of a transaction: code -32003 with `data.reason`. */
export function rejected(
  reason: RejectionReason,
  message: string,
  data: Readonly<Record<string, unknown>> = {},
): SequencerError {
  return new SequencerError("rejected", message, { data: { reason, ...data } });
}

/** The message and the hint in one line, for people. */
export function describeError(error: unknown): string {
  if (error instanceof SequencerError) {
    return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  }
  return error instanceof Error ? error.message : String(error);
}
