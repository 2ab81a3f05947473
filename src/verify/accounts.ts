/**
 * Which accounts have a table, in which slot, and which are about to earn one. Bounded in slots and in
 * candidates; knows nothing of cryptography.
 *
 * An account earns a table only by signatures that the reference accepted, so junk under its name costs
 * nothing here. While slots are free the second one does; once they are taken a table costs another account
 * its own, and building it takes as long as some fifteen signatures by the reference, so it takes many.
 */

export const ADDRESS_BYTES = 20;

/** Signatures accepted by the reference that earn a free slot, and one that another account has to leave. */
export const ACCEPTS_FOR_FREE_SLOT = 2;
export const ACCEPTS_FOR_TAKEN_SLOT = 64;

/** Accounts without a table whose accepted signatures are counted. The longest without one is forgotten first. */
export const CANDIDATES_MAX = 8_192;

interface Account {
  readonly address: Uint8Array;
  /** x || y. */
  readonly publicKey: Uint8Array;
  readonly slot: number;
  lastUsed: number;
}

export class Accounts {
  readonly #slotsMax: number;
  /** By hash. Of accounts that share one only one has a table; the others are left to the reference. */
  readonly #accounts = new Map<number, Account>();
  readonly #free: number[] = [];
  readonly #candidates = new Map<number, number>();
  /** Unknown outside, so that nobody can look for addresses with equal hashes. */
  readonly #multipliers: Uint32Array;
  #slotsUsed = 0;
  #clock = 0;

  constructor(slotsMax: number, multipliers: Uint32Array = crypto.getRandomValues(new Uint32Array(5))) {
    this.#slotsMax = slotsMax;
    this.#multipliers = multipliers;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** The account at `offset` of packed addresses, if it has a table; using it keeps it. */
  find(addresses: Uint8Array, offset: number): Account | undefined {
    const account = this.#accounts.get(this.#hashOf(addresses, offset));
    if (account === undefined || !isAt(account.address, addresses, offset)) return undefined;
    account.lastUsed = ++this.#clock;
    return account;
  }

  /** Counts a signature that the reference accepted; true if the account has earned a table now. */
  accepted(address: Uint8Array): boolean {
    const hash = this.#hashOf(address, 0);
    if (this.#accounts.has(hash)) return false;
    const count = (this.#candidates.get(hash) ?? 0) + 1;
    this.#candidates.delete(hash);
    this.#candidates.set(hash, count);
    if (this.#candidates.size > CANDIDATES_MAX)
      this.#candidates.delete(this.#candidates.keys().next().value!);
    return count >= (this.#hasFreeSlot() ? ACCEPTS_FOR_FREE_SLOT : ACCEPTS_FOR_TAKEN_SLOT);
  }

  /** A slot for a new account: a free one, or that of the account used longest ago. Undefined if there is none. */
  takeSlot(): number | undefined {
    if (!this.#hasFreeSlot()) this.#removeOldest();
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    return this.#slotsUsed < this.#slotsMax ? this.#slotsUsed++ : undefined;
  }

  /** Gives back a slot whose table could not be built. */
  returnSlot(slot: number): void {
    this.#free.push(slot);
  }

  /** Records that the table in `slot` is this account's. */
  add(address: Uint8Array, publicKey: Uint8Array, slot: number): void {
    const hash = this.#hashOf(address, 0);
    this.#candidates.delete(hash);
    const previous = this.#accounts.get(hash);
    if (previous !== undefined) this.#free.push(previous.slot);
    this.#accounts.set(hash, { address: address.slice(), publicKey, slot, lastUsed: ++this.#clock });
  }

  /** False if the account had no table. */
  remove(address: Uint8Array): boolean {
    const hash = this.#hashOf(address, 0);
    this.#candidates.delete(hash);
    const account = this.#accounts.get(hash);
    if (account === undefined || !isAt(account.address, address, 0)) return false;
    this.#accounts.delete(hash);
    this.#free.push(account.slot);
    return true;
  }

  /** The upper 30 bits of a sum of products modulo 2^32: universal, and small enough to be cheap as a map's key. */
  #hashOf(addresses: Uint8Array, offset: number): number {
    let sum = 0;
    for (let i = 0; i < 5; i++) {
      const at = offset + 4 * i;
      const low = addresses[at]! | (addresses[at + 1]! << 8);
      const word = low | (addresses[at + 2]! << 16) | (addresses[at + 3]! << 24);
      sum = (sum + Math.imul(word, this.#multipliers[i]!)) | 0;
    }
    return sum >>> 2;
  }

  #hasFreeSlot(): boolean {
    return this.#free.length > 0 || this.#slotsUsed < this.#slotsMax;
  }

  #removeOldest(): void {
    let oldest: Account | undefined;
    for (const account of this.#accounts.values()) {
      if (oldest === undefined || account.lastUsed < oldest.lastUsed) oldest = account;
    }
    if (oldest !== undefined) this.remove(oldest.address);
  }
}

function isAt(address: Uint8Array, addresses: Uint8Array, offset: number): boolean {
  for (let i = 0; i < ADDRESS_BYTES; i++) if (address[i] !== addresses[offset + i]) return false;
  return true;
}
