/**
 * `npm run simulate -- --nodes 1000 --seed 7` prints how a broadcast went and draws its tree;
 * `npm run simulate -- --check` prints the table of checks (`--only 2,4` some of it). The same arguments give the same output.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { runChecks } from "./checks.ts";
import { floodingHops, lastDeliveryHop, latencyMs, redundancy, reliability, shape } from "./measure.ts";
import { publishMany, settled } from "./scenarios.ts";
import { drawTree } from "./tree-svg.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "1000" },
    seed: { type: "string", default: "7" },
    blocks: { type: "string", default: "25" },
    loss: { type: "string", default: "0" },
    regions: { type: "boolean", default: false },
    tree: { type: "string", default: "tmp/tree.svg" },
    check: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const nodes = Number(values.nodes);
const seed = Number(values.seed);

if (values.check) check();
else simulate();

function check(): void {
  let failed = 0;
  for (const { check, bar, measured, passed } of runChecks(nodes, seed, values.only?.split(",") ?? [])) {
    console.log(
      `${passed ? "pass" : "FAIL"}  ${check}\n        bar:      ${bar}\n        measured: ${measured}`,
    );
    if (!passed) failed++;
  }
  console.log(`${failed} failed; N=${nodes}, seed ${seed}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function simulate(): void {
  const regions = { withinMs: 1, acrossMs: 80 };
  const world = settled(nodes, 30_000, { seed, ...(values.regions && { regions }) });
  world.network.loss = Number(values.loss);
  const overlay = shape(world, false);
  console.log(`overlay: ${overlay.nodes} nodes, ${overlay.edges} links, ${overlay.components} component(s)`);
  console.log("block  redundancy  reliability  last hop  median ms  last ms");
  const traces = publishMany(world, Number(values.blocks), 2_000);
  for (const [i, trace] of traces.entries()) {
    const cells = [
      String(i + 1).padStart(5),
      redundancy(trace).toFixed(3).padStart(10),
      reliability(world, trace).toFixed(4).padStart(11),
      String(lastDeliveryHop(trace)).padStart(8),
      latencyMs(trace, 0.5).toFixed(0).padStart(9),
      latencyMs(trace, 1).toFixed(0).padStart(7),
    ];
    console.log(cells.join("  "));
  }
  const tree = shape(world, true);
  console.log(
    `tree: ${tree.edges} eager edges, ${tree.components} component(s); last hop of flooding ${floodingHops(world, 0)}`,
  );
  console.log(`messages: ${JSON.stringify(world.messages)}`);
  const last = traces.at(-1);
  if (last !== undefined) {
    mkdirSync(dirname(values.tree), { recursive: true });
    writeFileSync(values.tree, drawTree(last));
    console.log(`the path of the last block: ${values.tree}`);
  }
}
