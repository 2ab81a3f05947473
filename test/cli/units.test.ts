import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatEther } from "viem";
import { describeAmount, parseAmount } from "../../src/cli/units.ts";

test("an amount is told in ether as viem writes it, and in wei", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (wei) => {
      assert.equal(describeAmount(wei), `${formatEther(wei)} ether (${wei} wei)`);
    }),
  );
  assert.equal(describeAmount(parseAmount("1.5ether", "stake")), "1.5 ether (1500000000000000000 wei)");
});
