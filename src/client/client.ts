/**
 * The client SDK, for browsers and Node: signs and appends, reads and follows, and believes nothing that it has not
 * verified. It trusts one thing, the log's id; everything else is proved under heads that the log's operator signed.
 */
import { equalBytes, fromHex, type Hex, toHex } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { recoverAddress } from "../base/secp256k1.ts";
import { type AttestedHead, type SignedHead, verifierKeys } from "../log/checkpoint.ts";
import { decodeEntry, encodeEntry, payloadTypeName } from "../log/entry.ts";
import type { Role } from "../permission/policy.ts";
import { decodeOperation, type Operation, operationId } from "../sequencing/transaction.ts";
import { type Account, type SignedPayload, signOperation } from "./account.ts";
import { fieldsOf, index, parseAppendAnswer } from "./answers.ts";
import { followEntries } from "./entries.ts";
import type { ReceiptFile } from "./receipt.ts";
import { badAnswer, type CallResult, Transport } from "./transport.ts";
import { type TrustOptions, VerifiedLog } from "./verified-log.ts";

export interface ConnectOptions extends TrustOptions {
  /** Signs what is appended: a viem account, or anything that signs EIP-712 typed data. */
  readonly account?: Account;
}

/** A place in the total order, proved. */
export interface Receipt {
  readonly logId: Hex;
  readonly sequence: number;
  readonly id: Hex;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly payload: Hex;
  /** The signed head that covers it. */
  readonly head: { readonly size: number; readonly root: Hex; readonly signature: Hex };
}

/** A verified entry. */
export interface ClientEntry {
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly timestamp: number;
  /** `genesis`, `transaction`, `permission`, or `unknown` for a type of a later release. */
  readonly type: string;
  /** Undefined for genesis and unknown types. */
  readonly id?: Hex;
  readonly from?: Hex;
  /** Of a transaction. */
  readonly data?: Hex;
  /** Of a permission change. */
  readonly account?: Hex;
  readonly role?: Role;
  readonly payload: Hex;
}

export interface AppendOptions {
  /** Makes the id unique; random unless given. Below 2^64. */
  readonly nonce?: bigint;
  /** Unix milliseconds after which the transaction can no longer be ordered; half the log's lifetime unless given. */
  readonly expires?: number;
}

export interface EntriesOptions {
  /** First sequence number; 0 unless given. */
  readonly from?: number;
  /** Wait for what is appended later, until the loop is left or the signal says stop. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Connects to a node of a log. With a URL of ws: or wss: requests travel as messages of one WebSocket, which many
 * appends at once are cheaper on; `close` ends it.
 * @throws SequencerError if it cannot be reached, or serves another log
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<SequencerClient> {
  const transport = new Transport(url);
  return new SequencerClient(transport, await VerifiedLog.open(transport, options), options.account);
}

export class SequencerClient {
  readonly #transport: Transport;
  readonly #log: VerifiedLog;
  readonly #account: Account | undefined;
  /** How far the node's clock is ahead of ours, in milliseconds: transactions expire by its time. */
  #clockOffsetMs: number | undefined;

  /** Use `connect`. */
  constructor(transport: Transport, log: VerifiedLog, account: Account | undefined) {
    this.#transport = transport;
    this.#log = log;
    this.#account = account;
  }

  get logId(): Hex {
    return toHex(this.#log.logId);
  }

  /** Ends the WebSocket, if there is one: it would keep a program running. A later call opens it again. */
  close(): void {
    this.#transport.close();
  }

  /** The operator's two keys as transparency-log tools take them (C2SP signed-note vkeys): Ed25519, secp256k1. */
  get verifierKeys(): [string, string] {
    return verifierKeys(this.#log.genesis);
  }

  /** The newest head that was verified: keep it, and give it to `connect` next time. */
  get knownHead(): AttestedHead | undefined {
    return this.#log.newest;
  }

  /** The node's newest head, verified and consistent with all before. */
  async head(): Promise<SignedHead> {
    return await this.#log.head();
  }

  /** What the node says of itself (SPEC section 5); its checkpoint is verified, the rest is its word. */
  async info(): Promise<Readonly<Record<string, unknown>>> {
    const info = fieldsOf(await this.#transport.call("sequencer_info", []));
    await this.#log.openNote(String(info.checkpoint));
    return info;
  }

  /**
   * Signs data, appends it, and verifies the receipt. Repeats are safe: a transaction is ordered at most once.
   * @throws SequencerError `rejected` with `data.reason`, `network`, `verification`, …
   */
  async append(data: Uint8Array | Hex, options: AppendOptions = {}): Promise<Receipt> {
    const [receipt] = await this.appendBatch([data], options);
    if (receipt instanceof SequencerError || receipt === undefined)
      throw receipt ?? badAnswer("an empty batch");
    return receipt;
  }

  /** Appends several in one request, ordered as given: a receipt or the refusal of each. At most 1,000. */
  async appendBatch(
    data: readonly (Uint8Array | Hex)[],
    options: AppendOptions = {},
  ): Promise<(Receipt | SequencerError)[]> {
    const signed = { ...(await this.#signed(options, data.length)), type: "transaction" as const };
    return await this.#submit(
      data.map((one, i) => ({
        ...signed,
        nonce: signed.nonce + BigInt(i),
        data: typeof one === "string" ? fromHex(one) : one,
      })),
    );
  }

  /** Gives an account a role. The signer must be an admin. */
  async grant(account: Hex, role: Exclude<Role, "none">): Promise<Receipt> {
    return await this.#changePermission(account, role);
  }

  /** Takes an account's role. The signer must be an admin. */
  async revoke(account: Hex): Promise<Receipt> {
    return await this.#changePermission(account, "none");
  }

  /** The verified receipt of an entry, to be kept: it holds without the node. */
  async receipt(sequenceOrId: number | Hex): Promise<ReceiptFile> {
    return await this.#log.receipt(sequenceOrId);
  }

  /** Verified entries in order, without a gap, across lost connections. */
  async *entries({ from = 0, follow = false, signal }: EntriesOptions = {}): AsyncGenerator<ClientEntry> {
    const left = new AbortController();
    const ended = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]);
    const source = {
      openStream: async (next: number, stop: AbortSignal) => await this.#openStream(next, stop),
      openNote: (note: string) => this.#log.openNote(note),
      consistencyProof: (a: number, b: number) => this.#log.consistencyProof(a, b),
      frontier: (size: number) => this.#log.frontier(size),
    };
    try {
      for await (const { first, entries } of followEntries(source, { from, follow, signal: ended })) {
        for (let i = 0; i < entries.length; i++) yield this.#describe(first + i, entries[i]!);
      }
    } finally {
      left.abort();
    }
  }

  async #openStream(from: number, signal: AbortSignal): Promise<Response> {
    const response = await this.#transport.get(`/stream?from=${from}`, signal);
    if (response.ok) return response;
    const code =
      response.status === 404
        ? "not-found"
        : response.status < 500 && response.status !== 429
          ? "invalid-params"
          : "unavailable";
    throw new SequencerError(code, `the node refuses to stream from ${from} (HTTP ${response.status})`);
  }

  async #changePermission(account: Hex, role: Role): Promise<Receipt> {
    const operation = {
      ...(await this.#signed({})),
      type: "permission" as const,
      account: fromHex(account, ADDRESS_BYTES),
      role,
    };
    const [receipt] = await this.#submit([operation]);
    if (receipt instanceof SequencerError || receipt === undefined)
      throw receipt ?? badAnswer("an empty batch");
    return receipt;
  }

  /** The fields that every operation has; the nonce is the first of `count`. */
  async #signed(options: AppendOptions, count = 1): Promise<Pick<Operation, "from" | "nonce" | "expires">> {
    const { nonce = randomNonce(), expires = await this.#defaultExpiry() } = options;
    if (nonce < 0n || nonce + BigInt(count) > 2n ** 64n) {
      throw new SequencerError("invalid-params", "a nonce must be a whole number below 2^64");
    }
    if (!Number.isSafeInteger(expires) || expires < 0) {
      throw new SequencerError("invalid-params", "expires must be a whole number of milliseconds");
    }
    return { from: fromHex(this.#signer.address.toLowerCase(), ADDRESS_BYTES), nonce, expires };
  }

  async #defaultExpiry(): Promise<number> {
    if (this.#clockOffsetMs === undefined) {
      const { now } = fieldsOf(await this.#transport.call("sequencer_info", []));
      this.#clockOffsetMs = index(now) - Date.now();
    }
    return Date.now() + this.#clockOffsetMs + Math.floor(this.#log.genesis.maxTransactionLifetimeMs / 2);
  }

  async #submit(operations: readonly Operation[]): Promise<(Receipt | SequencerError)[]> {
    const { context, genesis } = this.#log;
    const signingLog = { context, chainId: genesis.chainId, bond: genesis.bond };
    const signed: SignedPayload[] = [];
    for (const operation of operations) signed.push(await signOperation(signingLog, this.#signer, operation));
    const calls = signed.map(({ payload }) => ({
      method: "sequencer_append",
      params: { tx: toHex(payload) },
    }));
    const results = await this.#transport.callAll(calls);
    return await Promise.all(results.map((result, i) => this.#verify(signed[i]!, result)));
  }

  async #verify({ payload, id }: SignedPayload, answer: CallResult): Promise<Receipt | SequencerError> {
    if ("error" in answer) return answer.error;
    const { sequence, timestamp, head, proof, id: answeredId } = parseAppendAnswer(answer.result);
    if (!equalBytes(answeredId, id)) throw badAnswer("a receipt for another transaction");
    await this.#log.checkIncluded(sequence, encodeEntry({ timestamp, payload }), proof, head);
    return {
      logId: this.logId,
      sequence,
      id: toHex(id),
      timestamp,
      payload: toHex(payload),
      head: { size: head.size, root: toHex(head.root), signature: toHex(head.signature) },
    };
  }

  get #signer(): Account {
    if (this.#account !== undefined) return this.#account;
    throw new SequencerError("key", "there is no account to sign with", {
      hint: "Give `connect` an account",
    });
  }

  #describe(sequence: number, bytes: Uint8Array): ClientEntry {
    const entry = decodeEntry(bytes);
    if (entry === undefined) throw badAnswer(`entry ${sequence} is malformed`);
    const { timestamp, payload } = entry;
    const type = payloadTypeName(payload);
    const common = { sequence, timestamp, type, payload: toHex(payload) };
    if (type !== "transaction" && type !== "permission") return common;
    const operation = decodeOperation(payload);
    const id = operationId(this.#log.context, operation);
    const signer = recoverAddress(id, operation.signature);
    if (signer === undefined || !equalBytes(signer, operation.from)) {
      throw badAnswer(`entry ${sequence} does not carry its sender's signature`);
    }
    const fields =
      operation.type === "transaction"
        ? { data: toHex(operation.data) }
        : { account: toHex(operation.account), role: operation.role };
    return { ...common, id: toHex(id), from: toHex(operation.from), ...fields };
  }
}

/** Random below 2^63: batches count up from it. */
function randomNonce(): bigint {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(high! >>> 1) << 32n) | BigInt(low!);
}
