/**
 * The peers of one catch-up: whom to ask next, and who is not asked any more. Whoever is faster is asked more, because
 * it is free again sooner; whoever takes long gets company; whoever lies is out.
 */
import { concatBytes } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { SYNC_FAILURES_MAX, SYNC_HEDGE_MS, SYNC_RANGES_PER_PEER } from "../base/limits.ts";
import { countPacked, type EntryRun, type HashedRun } from "../log/packed-entries.ts";
import type { SyncAnswer, SyncRequest } from "./sync-messages.ts";

/** A peer that can be asked. */
export interface SyncPeer {
  readonly id: string;
  /** @throws SequencerError `network` if no answer comes */
  ask(request: SyncRequest): Promise<SyncAnswer>;
  /** What it sent does not verify: it is cut off. */
  reject(reason: string): void;
}

/** What is asked of one peer; undefined if what it answers does not verify. `isOver`: nobody waits for it any more. */
type Exchange<T> = (peer: SyncPeer, isOver: () => boolean) => Promise<T | undefined>;

const NOTHING = new Uint8Array(0);

type TileRequest = SyncRequest & { readonly kind: "tile" };

export class Panel {
  readonly #peers: () => readonly SyncPeer[];
  readonly #busy = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #liars = new Set<string>();
  readonly #pending = new Set<(error: SequencerError) => void>();
  readonly #free: (() => void)[] = [];
  #closed = false;

  constructor(peers: () => readonly SyncPeer[]) {
    this.#peers = peers;
  }

  /** Asks nobody any more: whoever waits is told that no peer is left. */
  close(): void {
    this.#closed = true;
    for (const give of this.#pending) give(noPeerLeft());
    this.#wakeAll();
  }

  async tile(request: TileRequest, accept: (hashes: Uint8Array) => boolean): Promise<Uint8Array> {
    return await this.#ask("now", async (peer) => {
      const hashes = tileOf(await peer.ask(request), request.width);
      return hashes !== undefined && accept(hashes) ? hashes : undefined;
    });
  }

  /** Several tiles from one peer, judged together. */
  async edges(
    requests: readonly TileRequest[],
    accept: (edges: readonly Uint8Array[]) => boolean,
  ): Promise<readonly Uint8Array[]> {
    return await this.#ask("now", async (peer) => {
      const edges: Uint8Array[] = [];
      for (const request of requests) {
        const hashes = tileOf(await peer.ask(request), request.width);
        if (hashes === undefined) return undefined;
        edges.push(hashes);
      }
      return accept(edges) ? edges : undefined;
    });
  }

  /**
   * Entries from `first` on.
   * @param count how many are wanted
   * @param enough how many can be verified at least: large entries take several frames, all from the peer that began
   * @param verify what of those that came is verified; undefined if they are not what they should be
   */
  async entries(
    first: number,
    count: number,
    enough: number,
    verify: (run: EntryRun) => Promise<HashedRun | undefined>,
  ): Promise<HashedRun> {
    return await this.#ask("in turn", async (peer, isOver) => {
      const frames: Uint8Array[] = [];
      let available = 0;
      while (available < enough) {
        if (isOver()) throw new SequencerError("network", "another peer was faster");
        const left = count - available;
        const answer = await peer.ask({ kind: "entries", first: first + available, count: left });
        requireServed(answer);
        const packed = answer.kind === "entries" ? answer.packed : NOTHING;
        const more = countPacked(packed, left);
        if (more === undefined || more === 0) return undefined;
        frames.push(packed);
        available += more;
      }
      const entries = frames.length === 1 ? frames[0]! : concatBytes(...frames);
      return await verify({ first, count: available, entries });
    });
  }

  /**
   * Asks until one peer gives what verifies. If it takes long, another one is asked beside it.
   * @param when tiles are small and others wait for them: they take no turn
   */
  #ask<T>(when: "now" | "in turn", exchange: Exchange<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let running = 0;
      let isSettled = false;
      const isOver = (): boolean => isSettled || this.#closed;
      const settle = (finish: () => void): void => {
        isSettled = true;
        this.#pending.delete(giveUp);
        finish();
      };
      const giveUp = (error: SequencerError): void => settle(() => reject(error));
      this.#pending.add(giveUp);
      const asked = new Set<string>();
      const slow = new Set<string>();
      const start = async (): Promise<void> => {
        running++;
        let hedge: NodeJS.Timeout | undefined;
        try {
          while (!isOver()) {
            const peer = await this.#next(when, asked);
            if (isOver()) return this.#release(peer);
            asked.add(peer.id);
            hedge ??= setTimeout(() => {
              slow.add(peer.id);
              if (!isOver() && this.#hasOther(asked)) void start();
            }, SYNC_HEDGE_MS);
            const result = await this.#exchange(peer, exchange, isOver);
            if (result === undefined || isOver()) continue;
            settle(() => resolve(result));
            // Who was asked first and is beaten by who was asked later counts as having failed.
            slow.delete(peer.id);
            for (const id of slow) this.#fail(id, 1);
            this.#failures.delete(peer.id);
          }
        } catch (error) {
          if (running === 1 && !isSettled) settle(() => reject(error));
        } finally {
          running--;
          clearTimeout(hedge);
        }
      };
      void start();
    });
  }

  /** The result, or undefined if the peer failed or lied, which is remembered. */
  async #exchange<T>(peer: SyncPeer, exchange: Exchange<T>, isOver: () => boolean): Promise<T | undefined> {
    try {
      const result = await exchange(peer, isOver);
      if (result === undefined) {
        this.#fail(peer.id, SYNC_FAILURES_MAX);
        this.#liars.add(peer.id);
        peer.reject("it sent what does not verify");
      }
      return result;
    } catch (error) {
      if (!(error instanceof SequencerError) || error.code !== "network") throw error;
      if (!isOver()) this.#fail(peer.id, 1);
      return undefined;
    } finally {
      this.#release(peer);
    }
  }

  #fail(id: string, times: number): void {
    this.#failures.set(id, (this.#failures.get(id) ?? 0) + times);
  }

  #usable(): SyncPeer[] {
    return this.#peers().filter(
      ({ id }) => !this.#liars.has(id) && (this.#failures.get(id) ?? 0) < SYNC_FAILURES_MAX,
    );
  }

  #hasOther(asked: ReadonlySet<string>): boolean {
    return this.#usable().some(({ id }) => !asked.has(id));
  }

  /** The least busy peer that may be asked, one not asked yet if there is one, as soon as it has a turn. */
  async #next(when: "now" | "in turn", asked: ReadonlySet<string>): Promise<SyncPeer> {
    for (;;) {
      const usable = this.#usable();
      if (usable.length === 0 || this.#closed) throw noPeerLeft();
      const fresh = usable.filter(({ id }) => !asked.has(id));
      const load = (peer: SyncPeer): number => this.#busy.get(peer.id) ?? 0;
      const candidates = fresh.length > 0 ? fresh : usable;
      const peer = candidates.reduce((least, other) => (load(other) < load(least) ? other : least));
      if (when === "now" || load(peer) < SYNC_RANGES_PER_PEER) {
        this.#busy.set(peer.id, load(peer) + 1);
        return peer;
      }
      await new Promise<void>((resolve) => {
        this.#free.push(resolve);
      });
    }
  }

  #release({ id }: SyncPeer): void {
    this.#busy.set(id, this.#busy.get(id)! - 1);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#free.splice(0)) wake();
  }
}

function noPeerLeft(): SequencerError {
  return new SequencerError("network", "no peer is left to catch up from", {
    hint: "It will be tried again",
  });
}

function tileOf(answer: SyncAnswer, width: number): Uint8Array | undefined {
  requireServed(answer);
  return answer.kind === "tile" && answer.hashes.length === width * HASH_BYTES ? answer.hashes : undefined;
}

/** A refusal is no lie: a peer that is behind itself cannot serve what others can. */
function requireServed(answer: SyncAnswer): void {
  if (answer.kind === "refusal")
    throw new SequencerError("network", `a peer does not serve it: ${answer.reason}`);
}
