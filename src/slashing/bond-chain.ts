/**
 * One bond contract on one chain: reads the bond of a log, and sends what its operator, challengers and reporters
 * send. Chain times are Unix seconds, money is wei; both are the chain's, never this machine's.
 */
import { encodeFunctionData, type PublicClient, type TransactionReceipt } from "viem";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { CHAIN_LOG_BLOCKS } from "../base/limits.ts";
import type { AttestedHead, Head } from "../log/checkpoint.ts";
import {
  answerCall,
  type CompleteEvidence,
  challengeCall,
  type Question,
  questionFrom,
  questionOf,
  type Reveal,
  signed,
  slashCall,
  timeoutCall,
} from "./bond-calls.ts";
import { asking, type BondStatus, bondStatusOf } from "./chain-error.ts";
import { type Inconsistent, signerOf, type UnansweredChallenge } from "./evidence.ts";
import { sequencerBondAbi as abi } from "./generated/sequencer-bond.ts";
import type { Transactor } from "./transactor.ts";

/** Immutable terms of a bond contract. */
export interface BondTerms {
  readonly minimumStakeWei: bigint;
  readonly minimumChallengeBondWei: bigint;
  readonly exitDelaySeconds: number;
  readonly evidenceWindowSeconds: number;
  readonly answerWindowSeconds: number;
  /** What the L2 promises as the longest time until a censored transaction is included. */
  readonly forceInclusionSeconds: number;
}

/** The bond that a signer stands under; status "none" and all zero where there is none. */
export interface BondState {
  readonly status: BondStatus;
  readonly operator: Uint8Array;
  readonly owner: Uint8Array;
  readonly signer: Uint8Array;
  readonly stakeWei: bigint;
  /** 0 while not exiting. */
  readonly exitAtSeconds: number;
  readonly openChallenges: number;
  /** The largest head anchored, and when. */
  readonly anchored?: { readonly size: number; readonly root: Uint8Array; readonly atSeconds: number };
}

/** ChallengeState.Open of the contract. */
const CHALLENGE_OPEN = 1;

export class BondChain {
  readonly #client: PublicClient;
  readonly #rpcUrl: string;
  readonly #transactor: Transactor | undefined;
  readonly #bond: Hex;

  /** Made by `openBond`, which checks what it is given. */
  constructor(client: PublicClient, rpcUrl: string, bond: Uint8Array, transactor: Transactor | undefined) {
    this.#client = client;
    this.#rpcUrl = rpcUrl;
    this.#transactor = transactor;
    this.#bond = toHex(bond);
  }

  /** The account that sends: owner of what it registers. */
  get address(): Uint8Array {
    return fromHex(this.#sender().address);
  }

  async terms(): Promise<BondTerms> {
    const target = { abi, address: this.#bond } as const;
    const [stake, challenge, exit, evidence, answer, inclusion] = await this.#ask(
      "read the bond's terms",
      () =>
        Promise.all([
          this.#client.readContract({ ...target, functionName: "minimumStake" }),
          this.#client.readContract({ ...target, functionName: "minimumChallengeBond" }),
          this.#client.readContract({ ...target, functionName: "exitDelay" }),
          this.#client.readContract({ ...target, functionName: "evidenceWindow" }),
          this.#client.readContract({ ...target, functionName: "answerWindow" }),
          this.#client.readContract({ ...target, functionName: "forceInclusion" }),
        ]),
    );
    return {
      minimumStakeWei: stake,
      minimumChallengeBondWei: challenge,
      exitDelaySeconds: Number(exit),
      evidenceWindowSeconds: Number(evidence),
      answerWindowSeconds: Number(answer),
      forceInclusionSeconds: Number(inclusion),
    };
  }

  /** What the contract takes a signature of this head to be over. */
  async digest(logId: Uint8Array, { size, root }: Head): Promise<Uint8Array> {
    const args = [toHex(logId), BigInt(size), toHex(root)] as const;
    const digest = await this.#ask("ask for a digest", () =>
      this.#client.readContract({ abi, address: this.#bond, functionName: "digest", args }),
    );
    return fromHex(digest);
  }

  async state(logId: Uint8Array, signer: Uint8Array): Promise<BondState> {
    const args = [toHex(logId), toHex(signer)] as const;
    const target = { abi, address: this.#bond, args } as const;
    const [kept, operator] = await this.#ask("read the bond", () =>
      Promise.all([
        this.#client.readContract({ ...target, functionName: "bondOf" }),
        this.#client.readContract({ ...target, functionName: "operatorOf" }),
      ]),
    );
    return {
      status: bondStatusOf(kept.status),
      operator: fromHex(operator),
      owner: fromHex(kept.owner),
      signer: fromHex(kept.signer),
      stakeWei: kept.stake,
      exitAtSeconds: Number(kept.exitAt),
      openChallenges: kept.openChallenges,
      ...(kept.anchoredSize > 0n && {
        anchored: {
          size: Number(kept.anchoredSize),
          root: fromHex(kept.anchoredRoot),
          atSeconds: Number(kept.anchoredAt),
        },
      }),
    };
  }

  /** @param possession signature of the signer over possessionDigest(log, signer, this account) */
  register(logId: Uint8Array, signer: Uint8Array, possession: Uint8Array, stakeWei: bigint) {
    const args = [toHex(logId), toHex(signer), toHex(possession)] as const;
    return this.#send("register", encodeFunctionData({ abi, functionName: "register", args }), stakeWei);
  }

  topUp(logId: Uint8Array, signer: Uint8Array, valueWei: bigint) {
    const args = [toHex(logId), toHex(signer)] as const;
    return this.#send("top up", encodeFunctionData({ abi, functionName: "topUp", args }), valueWei);
  }

  /** @param closing the last head of the signer that steps back */
  rotateSigner(logId: Uint8Array, newSigner: Uint8Array, possession: Uint8Array, closing: AttestedHead) {
    const args = [toHex(logId), toHex(newSigner), toHex(possession), signed(closing)] as const;
    return this.#send("rotate the signer", encodeFunctionData({ abi, functionName: "rotateSigner", args }));
  }

  anchor(logId: Uint8Array, head: AttestedHead) {
    const args = [toHex(logId), signed(head)] as const;
    return this.#send("anchor", encodeFunctionData({ abi, functionName: "anchor", args }));
  }

  requestExit(logId: Uint8Array, finalHead: AttestedHead) {
    const args = [toHex(logId), signed(finalHead)] as const;
    return this.#send("request the exit", encodeFunctionData({ abi, functionName: "requestExit", args }));
  }

  cancelExit(logId: Uint8Array, signer: Uint8Array) {
    const args = [toHex(logId), toHex(signer)] as const;
    return this.#send("cancel the exit", encodeFunctionData({ abi, functionName: "cancelExit", args }));
  }

  withdraw(logId: Uint8Array, signer: Uint8Array) {
    const args = [toHex(logId), toHex(signer)] as const;
    return this.#send("withdraw", encodeFunctionData({ abi, functionName: "withdraw", args }));
  }

  /** Wei that `claim` would pay the account: rewards, answers, returned challenge bonds. */
  owed(account: Uint8Array): Promise<bigint> {
    return this.#ask("read what is owed", () =>
      this.#client.readContract({ abi, address: this.#bond, functionName: "owed", args: [toHex(account)] }),
    );
  }

  claim(account: Uint8Array) {
    return this.#send("claim", encodeFunctionData({ abi, functionName: "claim", args: [toHex(account)] }));
  }

  burn(logId: Uint8Array, signer: Uint8Array) {
    const args = [toHex(logId), toHex(signer)] as const;
    return this.#send("burn", encodeFunctionData({ abi, functionName: "burn", args }));
  }

  /** Bonds a challenge with the least value at this gas price and a quarter more; gives what to answer or time out. */
  async challenge(evidence: UnansweredChallenge): Promise<Question> {
    const { operator } = await this.state(evidence.log.logId, signerOf(evidence));
    const valueWei = await this.#ask("challenge", async () => {
      const [{ baseFeePerGas }, minimum, answerGas] = await Promise.all([
        this.#client.getBlock(),
        this.#client.readContract({ abi, address: this.#bond, functionName: "minimumChallengeBond" }),
        this.#client.readContract({ abi, address: this.#bond, functionName: "ANSWER_GAS_MAX" }),
      ]);
      const answers = (answerGas * 10n * (baseFeePerGas ?? 0n) * 5n) / 4n;
      return answers > minimum ? answers : minimum;
    });
    await this.#send("challenge", challengeCall(evidence), valueWei);
    return questionOf(evidence, operator);
  }

  /**
   * The open challenges of a bond, newest first: read backwards through the chain's events, as far as an answer can
   * still be in time, and no further than the contract's count of them says.
   * @param blocks of one request for events
   */
  async openQuestions(
    logId: Uint8Array,
    signer: Uint8Array,
    blocks: bigint = CHAIN_LOG_BLOCKS,
  ): Promise<Question[]> {
    const { operator, openChallenges } = await this.state(logId, signer);
    const questions: Question[] = [];
    if (openChallenges === 0) return questions;
    const newest = await this.#ask("read the newest block", () => this.#client.getBlock());
    const { answerWindowSeconds } = await this.terms();
    const oldestTime = newest.timestamp - BigInt(answerWindowSeconds);
    let last = newest.number;
    while (last >= 0n && questions.length < openChallenges) {
      const first = last < blocks ? 0n : last - blocks + 1n;
      const asked = await this.#questionsIn(first, last, logId, operator);
      for (const { id, question } of asked.toReversed()) if (await this.#isOpen(id)) questions.push(question);
      const { timestamp } = await this.#ask("read a block", () =>
        this.#client.getBlock({ blockNumber: first }),
      );
      if (timestamp < oldestTime) break;
      last = first - 1n;
    }
    return questions;
  }

  async #questionsIn(fromBlock: bigint, toBlock: bigint, logId: Uint8Array, operator: Uint8Array) {
    const args = { logId: toHex(logId), operator: toHex(operator) };
    const filter = { abi, address: this.#bond, eventName: "Challenged", strict: true, args } as const;
    const events = await this.#ask("look for challenges", () =>
      this.#client.getContractEvents({ ...filter, fromBlock, toBlock }),
    );
    return events.map(({ args: { id, question } }) => ({ id, question: questionFrom(question) }));
  }

  async #isOpen(id: Hex): Promise<boolean> {
    const { state } = await this.#ask("read a challenge", () =>
      this.#client.readContract({ abi, address: this.#bond, functionName: "challengeOf", args: [id] }),
    );
    return state === CHALLENGE_OPEN;
  }

  answer(question: Question, nodes: Pick<Inconsistent, "seed" | "path">) {
    return this.#send("answer the challenge", answerCall(question, nodes));
  }

  timeout(question: Question) {
    return this.#send("time out the challenge", timeoutCall(question));
  }

  /** Chain time of a commitment, 0 if there is none. */
  async committedAtSeconds(commitment: Uint8Array): Promise<number> {
    const args = [toHex(commitment)] as const;
    const time = await this.#ask("look for the commitment", () =>
      this.#client.readContract({ abi, address: this.#bond, functionName: "committedAt", args }),
    );
    return Number(time);
  }

  commit(commitment: Uint8Array) {
    return this.#send(
      "commit",
      encodeFunctionData({ abi, functionName: "commit", args: [toHex(commitment)] }),
    );
  }

  /** Lets the node try a slash without sending it. @throws SequencerError `chain` as `slash` would */
  async trySlash(evidence: CompleteEvidence, reveal?: Reveal): Promise<void> {
    const data = slashCall(evidence, reveal);
    await this.#ask("slash", () => this.#client.call({ to: this.#bond, data, blockTag: "pending" }));
  }

  /** One transaction, no more; `slashWithEvidence` is what copes with races and commitments. */
  slash(evidence: CompleteEvidence, reveal?: Reveal) {
    return this.#send("slash", slashCall(evidence, reveal));
  }

  #send(doing: string, data: Hex, valueWei = 0n): Promise<TransactionReceipt> {
    return this.#sender().send({ doing, to: this.#bond, data, valueWei });
  }

  #sender(): Transactor {
    if (this.#transactor !== undefined) return this.#transactor;
    throw new SequencerError("chain", "no key to send transactions with", {
      hint: "Give the key of an account that has ether on the bond's chain",
    });
  }

  #ask<T>(doing: string, question: () => Promise<T>): Promise<T> {
    return asking(doing, this.#rpcUrl, question);
  }
}
