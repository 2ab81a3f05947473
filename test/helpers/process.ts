/**
 * The sequencer as a user runs it: real processes through the launcher. Each is stopped by its pid.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Cleanup, defer, within } from "./cleanup.ts";

export const LAUNCHER = fileURLToPath(new URL("../../cmd/sequencer/sequencer", import.meta.url));

/** A loaded machine takes its time to start a process. */
const START_MS = 60_000;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  readonly input?: string;
}

export class Running {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly #closed: Promise<unknown>;

  constructor(command: string, args: readonly string[], { env = {}, cwd, input }: RunOptions = {}) {
    this.child = spawn(command, args, { env: cleanEnvironment(env), ...(cwd && { cwd }) });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#closed = once(this.child, "close");
    this.child.stdin!.on("error", () => undefined); // It may end without having read.
    this.child.stdin!.end(input ?? "");
  }

  /** Resolves with the match once standard output has it. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.stdout);
        if (match !== null) resolve(match);
      };
      look();
      this.child.stdout!.on("data", look);
      this.child.once("close", () => {
        look();
        reject(new Error(`it ended without printing ${pattern}: ${this.stdout}${this.stderr}`));
      });
    });
    return await within(START_MS, `${pattern} on standard output`, found);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async finished(timeoutMs = START_MS): Promise<Finished> {
    await within(timeoutMs, "the end of the process", this.#closed);
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#closed;
  }
}

/** Runs one command to its end. */
export async function sequencer(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const running = new Running(LAUNCHER, args, options);
  try {
    return await running.finished();
  } finally {
    await running.kill();
  }
}

/** Starts a command that is killed after the test, if it still runs then. */
export function launch(cleanup: Cleanup, args: readonly string[], options: RunOptions = {}): Running {
  const running = new Running(LAUNCHER, args, options);
  defer(cleanup, () => running.kill());
  return running;
}

/** Starts a node on any free port; resolves with its URL once it says so. */
export async function launchNode(
  cleanup: Cleanup,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Running & { readonly url: string }> {
  const running = launch(cleanup, ["start", "-rpcport", "0", "-p2pport", "0", ...args], options);
  const [, url] = await running.printed(/^API +(http:\S+)$/m);
  return Object.assign(running, { url: url! });
}

/** The environment of the test without what steers a sequencer. */
function cleanEnvironment(env: Environment): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SEQUENCER_|PRIVATE_KEY$|OPERATOR_PRIVATE_KEY$|NODE_TEST)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...env } as NodeJS.ProcessEnv;
}
