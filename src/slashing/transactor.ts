/**
 * Sends transactions of one key so that each happens at most once: one at a time, always with the lowest unused
 * nonce, replaced with a higher fee when it is not mined in time. What was stuck at that nonce is replaced too, so the
 * key must be this process's own. It knows nothing about bonds.
 */
import { setTimeout as delay } from "node:timers/promises";
import { keccak256, type PublicClient, type TransactionReceipt } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import {
  CHAIN_ATTEMPTS_MAX,
  CHAIN_NONCE_RESTARTS_MAX,
  CHAIN_POLL_MS,
  CHAIN_RECEIPT_TIMEOUT_MS,
} from "../base/limits.ts";
import { asking, isUnreachable, toChainError, underfunded } from "./chain-error.ts";

export interface Call {
  /** What it does, as a phrase for errors: "register". */
  readonly doing: string;
  readonly to: Hex;
  readonly data: Hex;
  readonly valueWei?: bigint;
}

export interface TransactorOptions {
  readonly rpcUrl: string;
  /** Milliseconds until a transaction that is not mined is sent again with a higher fee. */
  readonly receiptTimeoutMs?: number;
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** "unknown": it may have arrived or not. */
type Sent = "accepted" | "unknown" | "underpriced" | "nonce-used";

export class Transactor {
  readonly address: Hex;
  readonly #account: PrivateKeyAccount;
  readonly #client: PublicClient;
  readonly #chainId: number;
  readonly #options: TransactorOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: PublicClient, chainId: number, privateKey: Uint8Array, options: TransactorOptions) {
    this.#account = privateKeyToAccount(toHex(privateKey));
    this.address = toHex(fromHex(this.#account.address));
    this.#client = client;
    this.#chainId = chainId;
    this.#options = options;
  }

  get #waits() {
    const { pollMs = CHAIN_POLL_MS, receiptTimeoutMs = CHAIN_RECEIPT_TIMEOUT_MS } = this.#options;
    return { pollMs, receiptTimeoutMs };
  }

  /** Sends and waits until it is mined. @throws SequencerError `chain` if it would fail, failed, or was not mined. */
  send(call: Call): Promise<TransactionReceipt> {
    const sent = this.#last.then(() => this.#send(call));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async #send(call: Call): Promise<TransactionReceipt> {
    for (let restarts = 0; restarts <= CHAIN_NONCE_RESTARTS_MAX; restarts++) {
      const receipt = await this.#sendWithOneNonce(call);
      if (receipt === undefined) continue; // another transaction of this key took the nonce: look again, then retry
      if (receipt.status === "success") return receipt;
      throw new SequencerError("chain", `${call.doing}: the transaction ${receipt.transactionHash} failed`, {
        hint: "Somebody else was faster, most likely: look at the state and try again",
        data: { transaction: receipt.transactionHash },
      });
    }
    throw new SequencerError(
      "chain",
      `${call.doing}: another program sends with the key of ${this.address}`,
      {
        hint: "Give every program its own key",
      },
    );
  }

  async #sendWithOneNonce(call: Call): Promise<TransactionReceipt | undefined> {
    const gas = await this.#gasFor(call);
    let fees = await this.#ask(call, () => this.#client.estimateFeesPerGas());
    const nonce = await this.#ask(call, () =>
      this.#client.getTransactionCount({ address: this.address, blockTag: "latest" }),
    );
    await this.#requireFunds(call, gas, fees);
    const { pollMs, receiptTimeoutMs } = this.#waits;
    const hashes: Hex[] = [];
    let mayBeIn = false;
    for (let attempts = 0; attempts < CHAIN_ATTEMPTS_MAX; attempts++) {
      const serialized = await this.#sign(call, gas, fees, nonce);
      hashes.push(keccak256(serialized));
      const sent = await this.#submit(call, serialized, mayBeIn);
      if (sent === "nonce-used") return mayBeIn ? this.#waitFor(call, hashes, receiptTimeoutMs) : undefined;
      if (sent !== "underpriced") {
        mayBeIn = true;
        // Nobody knows whether an unanswered one arrived: the very same is sent again.
        const receipt = await this.#waitFor(call, hashes, sent === "unknown" ? pollMs : receiptTimeoutMs);
        if (receipt !== undefined) return receipt;
      }
      if (sent !== "unknown") fees = bumped(fees);
    }
    throw new SequencerError(
      "chain",
      `${call.doing}: not mined, nonce ${nonce} of ${this.address} is stuck`,
      {
        hint: "It may still be mined; run the command again to replace it",
        data: { transactions: hashes },
      },
    );
  }

  /** Asks the node to try it first: a call that would fail costs nothing and says why. */
  async #gasFor({ doing, to, data, valueWei = 0n }: Call): Promise<bigint> {
    const request = { account: this.address, to, data, value: valueWei };
    const estimate = await this.#ask({ doing }, () =>
      this.#client.estimateGas({ ...request, blockTag: "pending" }),
    );
    return (estimate * 6n) / 5n;
  }

  async #requireFunds({ doing, valueWei = 0n }: Call, gas: bigint, { maxFeePerGas }: Fees): Promise<void> {
    const balance = await this.#ask({ doing }, () => this.#client.getBalance({ address: this.address }));
    const neededWei = valueWei + gas * maxFeePerGas;
    if (balance < neededWei) throw underfunded(doing, undefined, this.address, neededWei - balance);
  }

  #sign({ to, data, valueWei = 0n }: Call, gas: bigint, fees: Fees, nonce: number): Promise<Hex> {
    return this.#account.signTransaction({
      type: "eip1559",
      chainId: this.#chainId,
      nonce,
      gas,
      to,
      data,
      value: valueWei,
      maxFeePerGas: fees.maxFeePerGas,
      maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
    });
  }

  /** @param mayBeIn an earlier attempt may be mined yet, so no refusal of this one is the end */
  async #submit({ doing }: Call, serializedTransaction: Hex, mayBeIn: boolean): Promise<Sent> {
    try {
      await this.#client.sendRawTransaction({ serializedTransaction });
      return "accepted";
    } catch (error) {
      const known = toChainError(error, doing, this.#options.rpcUrl);
      if (isUnreachable(known)) return "unknown";
      if (/underpriced|replacement/i.test(known.message)) return "underpriced";
      if (/nonce (is )?too low/i.test(known.message)) return "nonce-used";
      if (mayBeIn || /already (known|imported)/i.test(known.message)) return "accepted";
      throw known;
    }
  }

  async #waitFor(
    call: Call,
    hashes: readonly Hex[],
    timeoutMs: number,
  ): Promise<TransactionReceipt | undefined> {
    const deadline = performance.now() + timeoutMs;
    while (true) {
      const receipt = await this.#receiptOf(call, hashes);
      if (receipt !== undefined || performance.now() >= deadline) return receipt;
      await delay(this.#waits.pollMs, undefined, { signal: this.#options.signal });
    }
  }

  /** The receipt of whichever of the attempts was mined. */
  async #receiptOf({ doing }: Call, hashes: readonly Hex[]): Promise<TransactionReceipt | undefined> {
    for (const hash of hashes.toReversed()) {
      try {
        return await this.#client.getTransactionReceipt({ hash });
      } catch (error) {
        const known = toChainError(error, doing, this.#options.rpcUrl);
        if (!isUnreachable(known) && !/could not be found/.test(known.message)) throw known;
      }
    }
    return undefined;
  }

  #ask<T>({ doing }: Pick<Call, "doing">, question: () => Promise<T>): Promise<T> {
    return asking(doing, this.#options.rpcUrl, question);
  }
}

/** Nodes replace a transaction for 10 % more; a quarter more gets past a fee we do not know in fewer steps. */
function bumped({ maxFeePerGas, maxPriorityFeePerGas }: Fees): Fees {
  const more = (fee: bigint) => (fee * 5n) / 4n + 1n;
  return { maxFeePerGas: more(maxFeePerGas), maxPriorityFeePerGas: more(maxPriorityFeePerGas) };
}
