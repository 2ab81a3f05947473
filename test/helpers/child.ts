/**
 * Another process that runs one of the scripts in `test/helpers/children`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Scope } from "./temporary-directory.ts";

function start(script: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./children/${script}`, import.meta.url));
  return spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script to its end. */
export async function runChild(script: string, ...args: readonly string[]): Promise<ChildResult> {
  const child = start(script, args);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

/** Starts a script that prints a line when it is ready, and waits for that line; kills it at the end of the test. */
export async function startChild(
  scope: Scope,
  script: string,
  ...args: readonly string[]
): Promise<ChildProcess> {
  const child = start(script, args);
  scope.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
  await Promise.race([
    once(child.stdout!, "data"),
    once(child, "exit").then(async () => {
      throw new Error(`${script} ended before it was ready: ${await text(child.stderr!)}`);
    }),
  ]);
  return child;
}

/** Kills the process so that it can do nothing about it, and waits for its end. */
export async function killChild(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
