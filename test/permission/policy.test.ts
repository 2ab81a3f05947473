/**
 * Permissions are a pure function of the log: the same entries give the same roles, and there is always an admin.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { Permissions, ROLES, type RoleChange, roleName } from "../../src/permission/policy.ts";
import { address } from "../helpers/arbitraries.ts";
import { genesis } from "../helpers/stored-log.ts";

const change: fc.Arbitrary<RoleChange> = fc.record({
  account: address,
  role: fc.constantFrom("none" as const, "writer" as const, "admin" as const),
});
const [first, second, third] = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const start = (): Permissions => Permissions.fromGenesis({ ...genesis, admins: [first], writers: [second] });

const listing = (permissions: Permissions): string[] =>
  [...permissions].map(({ account, role }) => `${toHex(account)} ${role}`).sort();

/** Applies what is valid of these changes, as the ordering point does. */
function applyValid(permissions: Permissions, changes: readonly RoleChange[]): RoleChange[] {
  return changes.filter((each) => {
    if (permissions.removesLastAdmin(each)) return false;
    permissions.apply(each);
    return true;
  });
}

suite("roles", () => {
  test("genesis names the first ones", () => {
    const permissions = start();
    assert.deepEqual(
      [first, second, third].map((account) => permissions.roleOf(account)),
      ["admin", "writer", "none"],
    );
  });

  test("admins and writers may write, only admins may administer", () => {
    const permissions = start();
    assert.deepEqual(
      [first, second, third].map((account) => permissions.mayWrite(account)),
      [true, true, false],
    );
    assert.deepEqual(
      [first, second, third].map((account) => permissions.mayAdminister(account)),
      [true, false, false],
    );
  });

  test("numbers and names are those of the specification", () => {
    assert.deepEqual(ROLES, { none: 0, writer: 1, admin: 2 });
    assert.deepEqual([0, 1, 2, 3, -1, 0.5].map(roleName), [
      "none",
      "writer",
      "admin",
      undefined,
      undefined,
      undefined,
    ]);
  });
});

suite("properties", () => {
  const changes = fc.array(change, { maxLength: 40 });

  test("each account has the role of the last change that was applied to it", () => {
    fc.assert(
      fc.property(changes, (all) => {
        const permissions = start();
        const applied = applyValid(permissions, all);
        const expected = new Map([
          [toHex(first), "admin"],
          [toHex(second), "writer"],
        ]);
        for (const { account, role } of applied) expected.set(toHex(account), role);
        const roles = [...expected]
          .filter(([, role]) => role !== "none")
          .map(([account, role]) => `${account} ${role}`);
        assert.deepEqual(listing(permissions), roles.sort());
      }),
    );
  });

  test("there is always an admin", () => {
    fc.assert(
      fc.property(changes, (all) => {
        const permissions = start();
        for (const each of all) {
          applyValid(permissions, [each]);
          assert.ok([...permissions].some(({ role }) => role === "admin"));
        }
      }),
    );
  });

  test("a change is refused as the last admin's exactly if no admin would be left", () => {
    fc.assert(
      fc.property(changes, change, (all, last) => {
        const permissions = start();
        applyValid(permissions, all);
        const others = [...permissions].filter(({ account }) => toHex(account) !== toHex(last.account));
        const wouldRemain = last.role === "admin" || others.some(({ role }) => role === "admin");
        assert.equal(permissions.removesLastAdmin(last), !wouldRemain);
      }),
    );
  });

  test("roles kept as numbers give the same permissions, now and after further changes", () => {
    fc.assert(
      fc.property(changes, changes, (before, later) => {
        const permissions = start();
        applyValid(permissions, before);
        const stored = [...permissions].map(({ account, role }) => ({ account, role: ROLES[role] }));
        const restored = Permissions.fromRoles(stored);
        assert.deepEqual(listing(restored), listing(permissions));
        assert.deepEqual(applyValid(restored, later), applyValid(permissions, later));
        assert.deepEqual(listing(restored), listing(permissions));
      }),
    );
  });

  test("a change to the role that the account has already changes nothing", () => {
    fc.assert(
      fc.property(changes, address, (all, account) => {
        const permissions = start();
        applyValid(permissions, all);
        const before = listing(permissions);
        permissions.apply({ account, role: permissions.roleOf(account) });
        assert.deepEqual(listing(permissions), before);
      }),
    );
  });
});
