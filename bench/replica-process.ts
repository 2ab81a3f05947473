/**
 * A replica as a process that the benchmark watches: when its log reached which size, by the lines that it logs, and
 * what it costs in memory and processor time.
 */
import { Histogram } from "./histogram.ts";
import { NodeProcess } from "./node-process.ts";

/** Milliseconds from a replica's kill to its new start. */
export const DOWN_MS = 2_000;

/** When a node said that its log reached a size, by its own clock. */
export interface Mark {
  readonly size: number;
  /** Unix milliseconds. */
  readonly time: number;
}

export class ReplicaProcess {
  readonly name: string;
  readonly marks: Mark[] = [];
  readonly troubles = new Set<string>();
  /** MiB of heap, stacks and buffers, as often as they were looked at. */
  readonly memory: number[] = [];
  kills = 0;
  /** Seconds of processor time that it had used when the load began. */
  cpuBefore = 0;
  /** What it had used, and how far its log reached, at half of the load: from there on V8 has compiled what it compiles. */
  halfway = { cpuSeconds: 0, size: 0 };
  node: NodeProcess | undefined;
  readonly #flags: readonly string[];

  constructor(name: string, flags: readonly string[]) {
    this.name = name;
    this.#flags = flags;
  }

  async start(): Promise<void> {
    this.node = await NodeProcess.join(this.#flags, (line) => {
      const mark = markOf(line, "stored");
      if (mark !== undefined) this.marks.push(mark);
      else if (/"level":(50|60)/.test(line)) this.troubles.add(/"msg":"([^"]*)"/.exec(line)?.[1] ?? line);
    });
  }

  async restart(): Promise<void> {
    this.kills++;
    const node = this.node!;
    // From here on there is no process to look at.
    this.node = undefined;
    await node.kill();
    await sleep(DOWN_MS);
    await this.start();
  }

  get isRunning(): boolean {
    return this.node !== undefined && this.node.ended === undefined;
  }

  lookAtMemory(): void {
    this.memory.push(this.isRunning ? this.node!.memory().anonymous : 0);
  }

  lookAtHalf(): void {
    this.halfway = {
      cpuSeconds: this.isRunning ? this.node!.cpuSeconds() : 0,
      size: this.marks.at(-1)?.size ?? 0,
    };
  }

  /** The metrics that it serves; NaN for one that it does not have. */
  async metrics(): Promise<(name: string) => number> {
    const text = this.isRunning ? await (await fetch(`${this.node!.url}/metrics`)).text() : "";
    return (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  }
}

/** From the moment a block was published to the moment its last entry was stored, weighed by its entries. */
export function lagOf(published: readonly Mark[], stored: readonly Mark[]): Histogram {
  const lag = new Histogram();
  let next = 0;
  let size = 1;
  for (const block of published) {
    while (next < stored.length && stored[next]!.size < block.size) next++;
    if (next === stored.length) break;
    lag.add(Math.max(0, stored[next]!.time - block.time), block.size - size);
    size = block.size;
  }
  return lag;
}

/** What a line of a node's log says of how far its log reaches, if it is of this kind. */
export function markOf(line: string, message: string): Mark | undefined {
  if (!line.includes(`"msg":"${message}"`)) return undefined;
  const { size, time } = JSON.parse(line) as { size: number; time: number };
  return { size, time };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
