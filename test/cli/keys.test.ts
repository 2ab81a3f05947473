/**
 * Keys that are kept or given: damaged ones and those of the wrong kind.
 */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { parseFlags } from "../../src/cli/flags.ts";
import { KEY_FLAGS, operatorKey, parseOperatorKey } from "../../src/cli/keys.ts";
import { p2pKey, parseP2pKey } from "../../src/cli/p2p-key.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";

const NOTHING = parseFlags([], KEY_FLAGS, {});

test("a kept key that is damaged is named, and never replaced", async (t) => {
  const directory = temporaryDirectory(t);
  for (const text of ["", "0x", "0x1234", "key"]) {
    writeFileSync(`${directory}/operator.key`, text);
    writeFileSync(`${directory}/p2p.key`, text);
    const say = (): void => assert.fail("a key was made");
    await assert.rejects(operatorKey(NOTHING, directory, say), { code: "key", message: /operator\.key/ });
    await assert.rejects(p2pKey(directory, say), { code: "key", message: /p2p\.key/ });
    assert.equal(statSync(`${directory}/operator.key`).size, text.length);
  }
});

test("keys of the wrong kind are refused without being repeated", () => {
  for (const text of ["", "0x", "11", "zz".repeat(32), "00".repeat(32), "ff".repeat(32), "11".repeat(33)]) {
    assert.throws(() => parseOperatorKey(text), { code: "key" }, text);
  }
  for (const text of ["11".repeat(32), `0x${"11".repeat(32)}`, "0x0801", "0x08011240", "hello"]) {
    assert.throws(
      () => parseP2pKey(text),
      (error: { code: string; message: string; hint: string }) => {
        assert.equal(error.code, "key");
        assert(!`${error.message}${error.hint}`.includes("1111"));
        return true;
      },
    );
  }
  assert.equal(parseOperatorKey("11".repeat(32)).length, 32);
  assert.equal(parseOperatorKey(`0x${"11".repeat(32)}`).length, 32);
});
