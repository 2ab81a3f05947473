/**
 * Signed logs in memory, their blocks as messages, and peers that serve them, well or badly.
 */
import { utf8 } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import type { SignedHead } from "../../src/log/checkpoint.ts";
import { encodeEntry } from "../../src/log/entry.ts";
import type { Log, SealedBlock } from "../../src/log/log.ts";
import { MemoryStore } from "../../src/log/memory-store.ts";
import { HeadChecker } from "../../src/replication/entry-checker.ts";
import { Follower } from "../../src/replication/follower.ts";
import { blockMessage } from "../../src/replication/gossip.ts";
import type { SyncPeer } from "../../src/replication/panel.ts";
import {
  decodeAnswer,
  encodeRequest,
  type SyncAnswer,
  type SyncRequest,
} from "../../src/replication/sync-messages.ts";
import { answerSync } from "../../src/replication/sync-server.ts";
import { CheckpointSigner } from "../../src/sequencing/checkpoint-signer.ts";
import { operator } from "../helpers/accounts.ts";
import { START, sealNext, storedLog } from "../helpers/stored-log.ts";

/** An entry of another history than `entryAt`'s. */
export function otherEntryAt(sequence: number): Uint8Array {
  return encodeEntry({ timestamp: START + sequence, payload: utf8(`S another ${sequence}`) });
}

/** A log that its operator's key signs block by block, as a primary would. */
export class Source {
  readonly log: Log;
  readonly #signer: CheckpointSigner;

  constructor(log: Log) {
    this.log = log;
    this.#signer = new CheckpointSigner(log.genesis, log.context, operator.key);
  }

  static async begin(): Promise<Source> {
    const source = new Source(await storedLog(new MemoryStore(), []));
    source.log.restore(source.sign());
    return source;
  }

  sign(size = this.log.committed.size): SignedHead {
    return this.#signer.sign({ size, root: this.log.rootAt(size) });
  }

  /** Appends a block and publishes it; returns its message. */
  async append(count: number, entryOf?: (sequence: number) => Uint8Array): Promise<Uint8Array> {
    const sealed: SealedBlock = sealNext(this.log, count, [], entryOf);
    await this.log.commit(sealed);
    const head = this.sign();
    this.log.publish(head, sealed);
    return blockMessage(head, [sealed]);
  }
}

/** An empty log of the same genesis and the writer of a replica, which checks nothing but heads. */
export async function emptyReplica(): Promise<{ log: Log; follower: Follower; stored: SealedBlock[] }> {
  const log = await storedLog(new MemoryStore(), []);
  const stored: SealedBlock[] = [];
  const follower = new Follower(log, new HeadChecker(), (block) => stored.push(block));
  return { log, follower, stored };
}

export interface FakePeer extends SyncPeer {
  readonly requests: SyncRequest[];
  readonly rejected: string[];
}

/** A peer whose answers go through the wire's encoding; `change` may lie, refuse by throwing, or never resolve. */
export function peerOf(
  id: string,
  log: Log,
  change: (answer: SyncAnswer, request: SyncRequest) => SyncAnswer | Promise<SyncAnswer> = (answer) => answer,
): FakePeer {
  const requests: SyncRequest[] = [];
  const rejected: string[] = [];
  return {
    id,
    requests,
    rejected,
    ask: async (request) => {
      requests.push(request);
      const answer = decodeAnswer(answerSync(log, [], encodeRequest(request))!);
      await new Promise((resolve) => setImmediate(resolve));
      return await change(answer!, request);
    },
    reject: (reason) => rejected.push(reason),
  };
}

/** What the network makes of a peer that does not answer: nothing for `ms`, then a failure. */
export function silence(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new SequencerError("network", "a peer did not answer")), ms);
  });
}

/** The same bytes with one bit of the last byte turned. */
export function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

/** An answer that does not verify, in place of entries and tiles. */
export function lie(answer: SyncAnswer): SyncAnswer {
  if (answer.kind === "entries") return { kind: "entries", packed: flipped(answer.packed) };
  if (answer.kind === "tile") return { kind: "tile", hashes: flipped(answer.hashes) };
  return answer;
}
