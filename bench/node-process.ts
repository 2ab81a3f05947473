/**
 * A node as its own process, started by the launcher as a user would, and what the kernel says about it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toHex } from "../src/base/bytes.ts";
import { writers } from "./transactions.ts";

const LAUNCHER = fileURLToPath(new URL("../cmd/sequencer/sequencer", import.meta.url));
const ECHO = fileURLToPath(new URL("./echo-node.ts", import.meta.url));
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export interface Memory {
  /** MiB of heap, stacks and buffers: what a leak would grow. */
  readonly anonymous: number;
  /** MiB of mapped files: the database's pages, which the kernel takes back when it wants. */
  readonly file: number;
}

/** What a node used while it was under load, and what may have kept it from answering. */
export interface NodeUse {
  /** Seconds of processor time, all its threads together. */
  readonly cpuSeconds: number;
  /** Seconds that its threads were ready to run and had no processor, all together. */
  readonly waitSeconds: number;
  /** Milliseconds of the longest pauses of its main thread for garbage: of young objects, and of the whole heap. */
  readonly youngCollection: number;
  readonly wholeCollection: number;
  /** Collections of the whole heap. */
  readonly wholeCollections: number;
  /** Milliseconds that its event loop came late, at worst. */
  readonly loopDelay: number;
}

export class NodeProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string | undefined;

  /** @param directory to be deleted when the node stops */
  private constructor(url: string, child: ChildProcess, directory?: string) {
    this.url = url;
    this.#child = child;
    this.#directory = directory;
  }

  /** Starts a primary with a new database that the benchmark's accounts may write to. */
  static async start(parent: string, flags: readonly string[] = []): Promise<NodeProcess> {
    const directory = await mkdtemp(join(parent, "sequencer-bench-"));
    const child = spawn(
      LAUNCHER,
      [
        ...["start", "-dbpath", join(directory, "db"), "-guard", join(directory, "guard")],
        ...["-rpcport", "0", "-p2pport", "0", "-loglevel", "warn", "-writers", writers.map(toHex).join(",")],
        ...flags,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    // A benchmark that fails, or is interrupted, leaves no node behind.
    process.once("exit", () => child.kill("SIGKILL"));
    return new NodeProcess(await announcedUrl(child), child, directory);
  }

  /** Starts a primary on the database and guard that are in a directory, and leaves them there. */
  static async resume(directory: string, operatorKey: Uint8Array): Promise<NodeProcess> {
    const child = spawn(
      LAUNCHER,
      [
        ...["start", "-dbpath", join(directory, "db"), "-guard", join(directory, "guard")],
        ...["-rpcport", "0", "-p2pport", "0", "-loglevel", "warn"],
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, OPERATOR_PRIVATE_KEY: toHex(operatorKey) },
      },
    );
    process.once("exit", () => child.kill("SIGKILL"));
    return new NodeProcess(await announcedUrl(child), child);
  }

  /** Starts a node of a network with exactly these flags; every line of its log goes to `onLine`. */
  static async join(flags: readonly string[], onLine: (line: string) => void): Promise<NodeProcess> {
    const common = ["start", "-rpcport", "0", "-p2pport", "0", "-loglevel", "debug"];
    const child = spawn(LAUNCHER, [...common, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", () => child.kill("SIGKILL"));
    createInterface(child.stderr!).on("line", onLine);
    return new NodeProcess(await announcedUrl(child), child);
  }

  /** Starts no node but what it is compared with: a bare HTTP server that echoes bodies, or answers so many bytes. */
  static async startEcho(answerBytes?: number): Promise<NodeProcess> {
    const child = spawn(
      process.execPath,
      [ECHO, ...(answerBytes === undefined ? [] : [String(answerBytes)])],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    process.once("exit", () => child.kill("SIGKILL"));
    return new NodeProcess(await announcedUrl(child), child);
  }

  /** Ends the node as a power failure would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** How the node ended by itself, or by whose signal; undefined while it runs. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? undefined : `it ended: ${signalCode ?? exitCode}`;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  /** Seconds of processor time that the node has used so far, all its threads together. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Seconds that threads which still live have waited for a processor so far. */
  #waitSeconds(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    return readdirSync(tasks).reduce((sum, task) => {
      const nanoseconds = readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[1];
      return sum + Number(nanoseconds) / 1e9;
    }, 0);
  }

  /** Begins to watch what the node uses; what it returns ends that and tells. */
  async use(): Promise<() => Promise<NodeUse>> {
    // This look also forgets what was longest before.
    const before = await this.metrics();
    const cpuBefore = this.cpuSeconds();
    const waitBefore = this.#waitSeconds();
    return async () => {
      const cpuSeconds = this.cpuSeconds() - cpuBefore;
      const waitSeconds = this.#waitSeconds() - waitBefore;
      const after = await this.metrics();
      const count = 'sequencer_collection_seconds_count{kind="major"}';
      return {
        cpuSeconds,
        waitSeconds,
        youngCollection: 1e3 * (after.get('sequencer_collection_longest_seconds{kind="minor"}') ?? 0),
        wholeCollection: 1e3 * (after.get('sequencer_collection_longest_seconds{kind="major"}') ?? 0),
        wholeCollections: (after.get(count) ?? 0) - (before.get(count) ?? 0),
        loopDelay: 1e3 * (after.get('sequencer_event_loop_delay_seconds{quantile="1"}') ?? 0),
      };
    };
  }

  /** What the node tells under /metrics, by name and labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return new Map(
      [...text.matchAll(/^([a-z_]+(?:\{.*\})?) (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
    );
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const mebibytes = (name: string): number =>
      Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1_024;
    return { anonymous: mebibytes("RssAnon"), file: mebibytes("RssFile") };
  }

  async call(method: string, ...params: unknown[]): Promise<Record<string, unknown>> {
    const response = await fetch(this.url, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as Record<string, Record<string, unknown>>;
    if (result === undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** Stops the node and deletes its database. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }
}

/** Waits for the line that says where the API listens. */
async function announcedUrl(child: ChildProcess): Promise<string> {
  let output = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    const url = /^API\s+(http\S+)$/m.exec(output)?.[1];
    if (url !== undefined) {
      child.stdout!.resume();
      return url;
    }
  }
  throw new Error(`the node did not start: ${output}`);
}
