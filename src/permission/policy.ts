/**
 * Who may append, as a pure function of the log: genesis names the first accounts, signed entries change them.
 * SPEC section 1. Nothing here reads a clock or a database.
 */
import { equalBytes } from "../base/bytes.ts";
import type { Genesis } from "../log/genesis.ts";

export const ROLES = { none: 0, writer: 1, admin: 2 } as const;

export type Role = keyof typeof ROLES;

const NOBODY: readonly RoleChange[] = [];
const NAMES = Object.keys(ROLES) as readonly Role[];

/** The name of a role's number; undefined above 2. */
export function roleName(value: number): Role | undefined {
  return NAMES[value];
}

export interface RoleChange {
  /** 20 bytes. */
  readonly account: Uint8Array;
  readonly role: Role;
}

/** The roles after some prefix of the log. */
export class Permissions {
  /** By the first bytes of the account; those that share them stand side by side. No text is made to look one up. */
  readonly #accounts = new Map<number, readonly RoleChange[]>();
  #admins = 0;

  static fromGenesis({ admins, writers }: Genesis): Permissions {
    const permissions = new Permissions();
    for (const account of admins) permissions.apply({ account, role: "admin" });
    for (const account of writers) permissions.apply({ account, role: "writer" });
    return permissions;
  }

  /** From roles by their numbers, as a store keeps them. */
  static fromRoles(roles: Iterable<{ readonly account: Uint8Array; readonly role: number }>): Permissions {
    const permissions = new Permissions();
    for (const role of roles) permissions.restore(role);
    return permissions;
  }

  /** @param at where the account begins in `accounts` */
  roleOf(accounts: Uint8Array, at = 0): Role {
    for (const { account, role } of this.#accounts.get(keyOf(accounts, at)) ?? NOBODY) {
      if (isAt(account, accounts, at)) return role;
    }
    return "none";
  }

  /** May this account append transactions? */
  mayWrite(accounts: Uint8Array, at = 0): boolean {
    return this.roleOf(accounts, at) !== "none";
  }

  /** May this account change permissions? */
  mayAdminister(account: Uint8Array): boolean {
    return this.roleOf(account) === "admin";
  }

  /** True if the change would leave the log without an admin, which makes it invalid. */
  removesLastAdmin({ account, role }: RoleChange): boolean {
    return role !== "admin" && this.#admins === 1 && this.mayAdminister(account);
  }

  apply({ account, role }: RoleChange): void {
    if (this.mayAdminister(account)) this.#admins--;
    if (role === "admin") this.#admins++;
    const key = keyOf(account, 0);
    const others = (this.#accounts.get(key) ?? []).filter((one) => !equalBytes(one.account, account));
    const all = role === "none" ? others : [...others, { account: Uint8Array.from(account), role }];
    if (all.length === 0) this.#accounts.delete(key);
    else this.#accounts.set(key, all);
  }

  /** Applies a change that is in the log already, its role as a number. */
  restore({ account, role }: { readonly account: Uint8Array; readonly role: number }): void {
    this.apply({ account, role: roleName(role)! });
  }

  /** Accounts with a role, in no particular order. */
  *[Symbol.iterator](): Iterator<RoleChange> {
    for (const accounts of this.#accounts.values()) yield* accounts;
  }
}

function keyOf(accounts: Uint8Array, at: number): number {
  return (accounts[at]! << 24) | (accounts[at + 1]! << 16) | (accounts[at + 2]! << 8) | accounts[at + 3]!;
}

function isAt(account: Uint8Array, accounts: Uint8Array, at: number): boolean {
  for (let i = 0; i < account.length; i++) if (accounts[at + i] !== account[i]) return false;
  return true;
}
