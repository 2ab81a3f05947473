/**
 * A primary in a process of its own, which kills itself at a step between order and answer: what a power cut leaves.
 * Arguments: directory, the writers' addresses, the step, and how many times it is passed before.
 */
import { pino } from "pino";
import { fromHex } from "../../src/base/bytes.ts";
import { startPrimaryNode } from "../../src/node/primary-node.ts";
import { operator } from "./accounts.ts";
import { genesisFor } from "./genesis.ts";

const [directory, writers, fatalStep, passes] = process.argv.slice(2) as [string, string, string, string];
let left = Number(passes);

const node = await startPrimaryNode({
  dbPath: `${directory}/db`,
  guardDirectory: `${directory}/guard`,
  operatorKey: operator.key,
  genesis: genesisFor(writers.split(",").map((address) => fromHex(address))),
  rpcHost: "127.0.0.1",
  rpcPort: 0,
  verifyWorkers: 1,
  logger: pino({ level: "silent" }),
  onFatal: (error) => {
    console.log(`FATAL ${String(error)}`);
    process.exit(1);
  },
  onStep: (step) => {
    if (step === fatalStep && left-- === 0) process.kill(process.pid, "SIGKILL");
  },
});
console.log(`API ${node.url}`);
