/**
 * Reading: sequencer_read, hash tiles and entry bundles from random places of a log, closed loop.
 */
import { LoadGenerator, type MeasuredLoad, type Work } from "./load.ts";
import { NodeProcess } from "./node-process.ts";
import type { BenchOptions, Report } from "./report.ts";
import { DATA_BYTES } from "./transactions.ts";

const FILL = { batch: 500, requests: 200 };
const CONNECTIONS = 16;
const READ_ENTRIES = 1_000;
const TRIAL_REQUESTS = 100;

export async function read(report: Report, { seconds, repetitions, directory }: BenchOptions): Promise<void> {
  const size = FILL.batch * FILL.requests;
  report.conditions({
    "entries of the log": size,
    "bytes of a transaction": `${DATA_BYTES} of data`,
    connections: CONNECTIONS,
  });
  const node = await NodeProcess.start(directory);
  const generator = new LoadGenerator(node);
  try {
    const fill = { kind: "append", batch: FILL.batch } as const;
    await generator.run({ work: fill, requests: FILL.requests, connections: 8 });
    const measure = async (what: string, unit: string, work: Work, units: number): Promise<void> => {
      const trial = await generator.run({ work, requests: TRIAL_REQUESTS, connections: CONNECTIONS });
      const requests = Math.round((TRIAL_REQUESTS * seconds) / trial.seconds);
      const results: MeasuredLoad[] = [];
      for (let i = 0; i < repetitions; i++) {
        results.push(await generator.run({ work, requests, connections: CONNECTIONS }));
      }
      const done = requests * units;
      report.row({ what, unit, values: results.map((result) => done / result.seconds) });
      report.row({
        what: "  node's processor time",
        unit: `us/${unit.slice(0, unit.indexOf("/"))}`,
        values: results.map(({ node: use }) => (use.cpuSeconds * 1e6) / done),
      });
    };
    const entries = READ_ENTRIES;
    await measure(`sequencer_read of ${entries}`, "entries/s", { kind: "read", entries, size }, entries);
    await measure("sequencer_read of 1", "requests/s", { kind: "read", entries: 1, size }, 1);
    await measure("full tiles, level 0", "requests/s", { kind: "tile", size }, 1);
    await measure("full entry bundles", "requests/s", { kind: "bundle", size }, 1);
  } finally {
    generator.stop();
    await node.stop();
  }
}
