/**
 * Reading: sequencer_read, hash tiles and entry bundles from random places of a log, closed loop. Answers are counted
 * while the clock runs, and looked into before.
 */
import assert from "node:assert/strict";
import { fromHex, toHex } from "../src/base/bytes.ts";
import { domainSeparator } from "../src/base/eip712.ts";
import { decodeOperation, operationId } from "../src/sequencing/transaction.ts";
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
    await checkContent(node, size);
    const measure = async (
      what: string,
      unit: string,
      work: Work,
      units: number,
      bar?: string,
    ): Promise<void> => {
      const trial = await generator.run({ work, requests: TRIAL_REQUESTS, connections: CONNECTIONS });
      const requests = Math.round((TRIAL_REQUESTS * seconds) / trial.seconds);
      const results: MeasuredLoad[] = [];
      for (let i = 0; i < repetitions; i++) {
        results.push(await generator.run({ work, requests, connections: CONNECTIONS }));
      }
      const done = requests * units;
      const rates = results.map((result) => done / result.seconds);
      report.row({ what, unit, values: rates, ...(bar !== undefined && { bar }) });
      report.row({
        what: "  node's processor time",
        unit: `us/${unit.slice(0, unit.indexOf("/"))}`,
        values: results.map(({ node: use }) => (use.cpuSeconds * 1e6) / done),
      });
      report.row({
        what: "  load generator",
        unit: "cores",
        values: results.map(({ generator: own, seconds: spent }) => own.cpuSeconds / spent),
      });
    };
    const entries = READ_ENTRIES;
    await measure(
      `sequencer_read of ${entries}`,
      "entries/s",
      { kind: "read", entries, size },
      entries,
      ">= 300,000",
    );
    await measure("sequencer_read of 1", "requests/s", { kind: "read", entries: 1, size }, 1);
    await measure("full tiles, level 0", "requests/s", { kind: "tile", size }, 1, ">= 5,000");
    await measure("full entry bundles", "requests/s", { kind: "bundle", size }, 1);
  } finally {
    generator.stop();
    await node.stop();
  }
}

/** What is read is what was signed: every field of some entries against their payloads, and those against their ids. */
async function checkContent(node: NodeProcess, size: number): Promise<void> {
  const { chainId, bond, logId } = await node.call("sequencer_info");
  const separator = domainSeparator({ chainId: Number(chainId), bond: fromHex(bond) });
  const context = { separator, logId: fromHex(logId) };
  const from = Math.floor(Math.random() * (size - READ_ENTRIES));
  const { entries } = await node.call("sequencer_read", from + 1, from + READ_ENTRIES);
  assert((entries as unknown[]).length === READ_ENTRIES);
  for (const [i, entry] of (entries as Record<string, unknown>[]).entries()) {
    const operation = decodeOperation(fromHex(entry.payload));
    assert(operation.type === "transaction");
    assert.deepEqual(entry, {
      sequence: from + 1 + i,
      timestamp: entry.timestamp,
      id: toHex(operationId(context, operation)),
      type: "transaction",
      from: toHex(operation.from),
      data: toHex(operation.data),
      payload: entry.payload,
    });
  }
}
