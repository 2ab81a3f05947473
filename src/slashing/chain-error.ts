/** What goes wrong on a chain, as SequencerErrors with the next thing to do. */
import {
  BaseError,
  decodeErrorResult,
  HttpRequestError,
  InsufficientFundsError,
  RpcRequestError,
  TimeoutError,
} from "viem";
import { type Hex, isHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { sequencerBondAbi } from "./generated/sequencer-bond.ts";

const HINTS: Readonly<Record<string, string>> = {
  AlreadyRegistered: "This signer stands under a bond of this log already; look at `sequencer bond status`",
  ChallengeBondTooSmall: "Gas has become dearer; try again",
  ChallengesOpen: "Answer the open challenges, or let them time out, first",
  NotOwner: "Use the key that registered the bond",
  NotPossessed: "The signer has to sign for this log, this contract and this owner",
  NotRegistered: "Register the bond first, with the log's own operator key",
  OlderThanAnchor: "Stop signing first, then use the newest checkpoint",
  StakeTooSmall: "Send at least the contract's minimum stake",
  TooEarly: "Wait until the chain's time has passed the one given",
};

const STATUSES = ["none", "active", "exiting", "slashed", "withdrawn"] as const;

/** Where a bond stands. Active and exiting can be slashed; slashed and withdrawn are final. */
export type BondStatus = (typeof STATUSES)[number];

export function bondStatusOf(index: number): BondStatus {
  return STATUSES[index]!;
}

/** A refusal of the contract by its own error name, or undefined if the error is something else. */
export function contractErrorOf(error: unknown): string | undefined {
  const name = error instanceof SequencerError ? error.data?.contractError : undefined;
  return typeof name === "string" ? name : undefined;
}

/** True if nobody answered, so that asking again may help. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof SequencerError && error.data?.unreachable === true;
}

/**
 * @param doing what failed, as a phrase: "register"
 * @param rpcUrl shown without its path, which may hold a key
 */
export function toChainError(error: unknown, doing: string, rpcUrl: string): SequencerError {
  if (error instanceof SequencerError) return error;
  const refusal = decodeRefusal(error);
  if (refusal !== undefined) {
    return chainError(`${doing}: the bond contract refused with ${refusal.text}`, error, {
      hint: HINTS[refusal.name],
      data: { contractError: refusal.name },
    });
  }
  if (has(error, HttpRequestError) || has(error, TimeoutError)) {
    return chainError(`${doing}: no usable answer from ${hostOf(rpcUrl)}`, error, {
      hint: "Check -l2rpc and that its node is up",
      data: { unreachable: true },
    });
  }
  if (has(error, InsufficientFundsError) || /insufficient funds/i.test(textOf(error))) {
    return underfunded(doing, error);
  }
  return chainError(`${doing}: ${textOf(error)}`, error, {});
}

/** Asks a node; what goes wrong becomes a SequencerError. */
export async function asking<T>(doing: string, rpcUrl: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw toChainError(error, doing, rpcUrl);
  }
}

export function underfunded(
  doing: string,
  cause?: unknown,
  account?: Hex,
  neededWei?: bigint,
): SequencerError {
  const who = account === undefined ? "the sending account" : account;
  const amount = neededWei === undefined ? "ether on this chain" : `about ${neededWei} wei on this chain`;
  return chainError(`${doing}: ${who} cannot pay for it`, cause, { hint: `Send ${who} ${amount}` });
}

function chainError(
  message: string,
  cause: unknown,
  { hint, data }: { hint?: string | undefined; data?: Record<string, unknown> },
): SequencerError {
  return new SequencerError("chain", message, {
    cause,
    ...(hint !== undefined && { hint }),
    ...(data !== undefined && { data }),
  });
}

function decodeRefusal(error: unknown): { name: string; text: string } | undefined {
  const data = revertData(error);
  if (data === undefined) return undefined;
  try {
    const { errorName, args } = decodeErrorResult({ abi: sequencerBondAbi, data });
    const shown = errorName === "WrongStatus" ? [bondStatusOf(Number(args[0]))] : (args ?? []);
    return { name: errorName, text: `${errorName}(${shown.join(", ")})` };
  } catch {
    return { name: "unknown", text: data };
  }
}

/** Nodes put the revert's bytes at different depths. */
function revertData(error: unknown): Hex | undefined {
  for (let at = error, depth = 0; depth < 10 && typeof at === "object" && at !== null; depth++) {
    const data: unknown = "data" in at ? at.data : undefined;
    if (isHex(data) && data.length >= 10) return data;
    at = "cause" in at ? at.cause : undefined;
  }
  return undefined;
}

function has(error: unknown, type: new (...args: never[]) => Error): boolean {
  return error instanceof BaseError && error.walk((cause) => cause instanceof type) !== null;
}

function textOf(error: unknown): string {
  if (!(error instanceof BaseError)) return error instanceof Error ? error.message : String(error);
  const answer = error.walk((cause) => cause instanceof RpcRequestError);
  return answer instanceof RpcRequestError ? answer.details : error.shortMessage;
}

function hostOf(rpcUrl: string): string {
  return URL.canParse(rpcUrl) ? new URL(rpcUrl).host : "the RPC URL";
}
