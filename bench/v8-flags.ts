/**
 * What the launcher tells V8, for what a benchmark runs in its own process. Without it V8 collects the whole heap for each
 * 64 MiB of buffers, which a node does not do.
 */
import { setFlagsFromString } from "node:v8";

const FLAGS = [
  "--external-memory-accounted-in-global-limit",
  "--heap-growing-percent=200",
  "--no-allocation-site-pretenuring",
];

export function runAsNode(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
