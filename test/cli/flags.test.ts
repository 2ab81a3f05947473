/**
 * Flags: their spellings, and which of flag, environment, configuration and default counts.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { type Flags, parseFlags } from "../../src/cli/flags.ts";
import { temporaryDirectory } from "../helpers/cleanup.ts";

const FLAGS: Flags = {
  dbpath: { type: "string", help: "", default: "default" },
  "disk-reserve": { type: "string", help: "" },
  solo: { type: "boolean", help: "" },
  config: { type: "string", help: "" },
};

const parse = (args: string[], environment: Record<string, string> = {}) =>
  parseFlags(args, FLAGS, environment);

test("one dash or two, a space or an equals sign: all the same", () => {
  for (const args of [["-dbpath", "X"], ["--dbpath", "X"], ["-dbpath=X"], ["--dbpath=X"]]) {
    assert.equal(parse(args).text("dbpath"), "X");
  }
  for (const args of [["-solo"], ["--solo"], ["-solo=true"], ["--solo=true"]])
    assert.equal(parse(args).isSet("solo"), true);
  assert.equal(parse([]).isSet("solo"), false);
  assert.deepEqual(parse(["a", "-solo", "b"]).positionals, ["a", "b"]);
  assert.equal(parse(["-dbpath", ""]).text("dbpath"), "");
  assert.equal(parse(["-dbpath="]).text("dbpath"), "");
});

test("a switch can be turned off", () => {
  assert.equal(parse(["-solo=false"], { SEQUENCER_SOLO: "1" }).isSet("solo"), false);
  assert.equal(parse([], { SEQUENCER_SOLO: "false" }).isSet("solo"), false);
});

test("flag before environment before configuration before default", (t) => {
  const config = `${temporaryDirectory(t)}/config.json`;
  writeFileSync(config, '{"dbpath": "configured", "solo": true, "disk-reserve": 7}');
  const environment = {
    SEQUENCER_CONFIG: config,
    SEQUENCER_DBPATH: "environment",
    SEQUENCER_DISK_RESERVE: "8",
  };
  assert.equal(parse(["-dbpath", "flag"], environment).text("dbpath"), "flag");
  assert.equal(parse([], environment).text("dbpath"), "environment");
  assert.equal(parse([], environment).number("disk-reserve"), 8);
  assert.equal(parse(["-config", config]).text("dbpath"), "configured");
  assert.equal(parse(["-config", config]).number("disk-reserve"), 7);
  assert.equal(parse(["-config", config]).isSet("solo"), true);
  assert.equal(parse([]).text("dbpath"), "default");
  assert.equal(parse([], { SEQUENCER_DBPATH: "" }).text("dbpath"), "", "empty is given");
});

test("what is unknown, missing or no number is wrong usage", () => {
  assert.throws(() => parse(["-nonsense"]), { code: "usage" });
  assert.throws(() => parse(["-dbpath"]), { code: "usage" });
  assert.throws(() => parse(["-solo=maybe"]), { code: "usage" });
  assert.throws(() => parse([]).required("disk-reserve"), { code: "usage" });
  assert.throws(() => parse(["-config", "/nowhere/config.json"]), { code: "usage" });
  for (const text of ["-1", "1.5", "1e3", "0x10", "", " 1", "9007199254740992"]) {
    assert.throws(() => parse([`-disk-reserve=${text}`]).number("disk-reserve"), { code: "usage" }, text);
  }
});
