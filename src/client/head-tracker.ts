/**
 * The memory of a client that trusts nobody: the newest head it has verified. Every other head that it sees must be
 * consistent with it, or the operator has signed two statements that cannot both be true.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import type { AttestedHead, Head } from "../log/checkpoint.ts";
import { verifyConsistency } from "../log/proof.ts";

export class HeadTracker {
  readonly #askProof: (from: number, to: number) => Promise<Uint8Array[]>;
  readonly #onNewest: ((head: AttestedHead) => void) | undefined;
  #newest: AttestedHead | undefined;
  /** Heads are compared one after the other: each with the newest that the one before left. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param newest a head remembered from before
   * @param askProof for a consistency proof, which is verified here
   * @param onNewest told of every newer head, to remember it
   */
  constructor(
    newest: AttestedHead | undefined,
    askProof: (from: number, to: number) => Promise<Uint8Array[]>,
    onNewest?: (head: AttestedHead) => void,
  ) {
    this.#newest = newest;
    this.#askProof = askProof;
    this.#onNewest = onNewest;
  }

  get newest(): AttestedHead | undefined {
    return this.#newest;
  }

  /** Accepts a head whose signature is verified. @throws SequencerError `equivocation` if it contradicts the newest */
  accept(head: AttestedHead): Promise<void> {
    const result = this.#queue.then(() => this.#compare(head));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #compare(head: AttestedHead): Promise<void> {
    const newest = this.#newest;
    if (newest !== undefined) {
      const [smaller, larger] = head.size < newest.size ? [head, newest] : [newest, head];
      if (!(await this.#isConsistent(smaller, larger))) throw contradiction(smaller, larger);
      if (head.size <= newest.size) return;
    }
    this.#newest = head;
    this.#onNewest?.(head);
  }

  async #isConsistent(smaller: Head, larger: Head): Promise<boolean> {
    if (smaller.size === larger.size) return equalBytes(smaller.root, larger.root);
    const proof = await this.#askProof(smaller.size, larger.size);
    return verifyConsistency(smaller.size, larger.size, smaller.root, larger.root, proof);
  }
}

function contradiction(smaller: AttestedHead, larger: AttestedHead): SequencerError {
  const heads = [smaller, larger].map(({ size, root, signature }) => ({
    size,
    root: toHex(root),
    signature: toHex(signature),
  }));
  return new SequencerError(
    "equivocation",
    `the operator's heads of size ${smaller.size} and ${larger.size} contradict each other, or the node cannot show that they do not`,
    {
      data: { heads },
      hint: "Keep both: they are evidence. Trust no receipt of this log until it is explained",
    },
  );
}
