/**
 * The README is executed: its client snippet runs as written against a real node, and its commands exist.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { toHex } from "../src/base/bytes.ts";
import { writer } from "./helpers/accounts.ts";
import { temporaryDirectory } from "./helpers/cleanup.ts";
import { startTestPrimary } from "./helpers/primary.ts";
import { launchNode } from "./helpers/process.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const run = promisify(execFile);

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, code]) => code!,
  );
}

test("the client snippet of the README appends and follows", async (t) => {
  const { url } = await startTestPrimary(t);
  const [snippet] = blocks("ts");
  assert.ok(snippet !== undefined);
  const code = snippet
    .replace("http://127.0.0.1:24444", url)
    .replace("sequencer/client", new URL("../src/client/client.ts", import.meta.url).href)
    .replace("viem/accounts", import.meta.resolve("viem/accounts"));
  const file = join(temporaryDirectory(t), "snippet.ts");
  writeFileSync(file, code);
  const env = { ...process.env, WRITER_KEY: toHex(writer.key) };
  const { stdout } = await run(process.execPath, [file], { env, timeout: 60_000 });
  assert.match(stdout, /^number 1, under the signed root 0x[0-9a-f]{64}\n1 0x[0-9a-f]{40} 0x68656c6c6f\n$/);
});

test("the usage of the README works as written: a writer is let in, appends, and its receipt verifies", async (t) => {
  const cwd = temporaryDirectory(t);
  for (const part of ["cmd", "src", "node_modules"]) symlinkSync(join(ROOT, part), join(cwd, part));
  const env = { XDG_STATE_HOME: join(cwd, "state"), SEQUENCER_KEY_PASSWORD: "of a test" };
  const { url, stdout: said } = await launchNode(t, ["-dbpath", "tmp/db", "-mode", "primary"], { cwd, env });
  const log = /^Log +(0x\w+)/m.exec(said)![1]!;
  const usage = blocks("sh").find((block) => block.includes("key new"))!;
  // Only what differs from machine to machine is replaced, and what would follow the log for ever.
  const script = usage
    .replaceAll("http://127.0.0.1:24444", url)
    .replaceAll("0x…", log)
    .replace("read -follow", "read")
    .replace(/^\$sequencer (grant|append|read|receipt) /gm, `$& -url ${url} `);
  const { stdout } = await run("sh", ["-eu", "-c", script], {
    cwd,
    env: { ...process.env, ...env },
    timeout: 100_000,
  });
  assert.match(stdout, /"type":"permission"[^\n]+\n[^\n]+"data":"0x68656c6c6f"/);
  assert.equal(stdout.match(/^VALID/gm)?.length, 2, stdout);
});

test("every command that the README shows exists", async () => {
  const program = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const { stdout } = await run(process.execPath, [program, "--help"]);
  const shown = blocks("sh").flatMap((block) => [
    ...block.matchAll(/^(?:\$sequencer|.*\/sequencer) ([a-z]+)/gm),
  ]);
  assert.ok(shown.length >= 8);
  for (const [line, name] of shown) assert.match(stdout, new RegExp(`^  ${name} `, "m"), line);
});
