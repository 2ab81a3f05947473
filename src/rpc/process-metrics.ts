/**
 * What explains a slow answer from inside the process: garbage collections, turns of the event loop that came late,
 * and memory by kind. What happened longest is since somebody looked last, so that a look covers what was between two.
 */
import { readFileSync } from "node:fs";
import {
  constants,
  monitorEventLoopDelay,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
  PerformanceObserver,
} from "node:perf_hooks";
import { Gauge, Histogram, type Registry } from "prom-client";

/**
 * Milliseconds between the looks at the event loop; they are part of what Node's monitor measures. Each look wakes a
 * processor: every 10 ms, they took half a percent of it in a node that had nothing to do.
 */
export const LOOP_LOOK_MS = 50;
const LOOP_QUANTILES = [0.5, 0.99, 1];

/** V8's collections: of young objects, of the whole heap, in steps, of what only weak callbacks hold. */
const COLLECTIONS = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak"],
]);

export function watchProcess(registry: Registry): void {
  watchEventLoop([registry]);
  watchCollections([registry]);
  watchMemory([registry]);
}

function watchEventLoop(registers: Registry[]): void {
  const delay = monitorEventLoopDelay({ resolution: LOOP_LOOK_MS });
  delay.enable();
  new Gauge({
    name: "sequencer_event_loop_delay_seconds",
    help: "How late the event loop came to what was due, since the last look",
    labelNames: ["quantile"],
    registers,
    collect() {
      for (const quantile of LOOP_QUANTILES) {
        const late = delay.percentile(100 * quantile) / 1e9 - LOOP_LOOK_MS / 1e3;
        this.set({ quantile }, Math.max(0, late));
      }
      delay.reset();
    },
  });
}

function watchCollections(registers: Registry[]): void {
  const pauses = new Histogram({
    name: "sequencer_collection_seconds",
    help: "Pauses of the main thread for garbage collection, by kind",
    labelNames: ["kind"],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5],
    registers,
  });
  const longest = new Map<string, number>();
  new Gauge({
    name: "sequencer_collection_longest_seconds",
    help: "The longest of these pauses since the last look, by kind",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const kind of COLLECTIONS.values()) this.set({ kind }, longest.get(kind) ?? 0);
      longest.clear();
    },
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Node's types do not know the details of this kind of entry.
      const { detail, duration } = entry as PerformanceEntry & { detail: NodeGCPerformanceDetail };
      const kind = COLLECTIONS.get(detail.kind ?? 0) ?? "other";
      const seconds = duration / 1e3;
      pauses.observe({ kind }, seconds);
      longest.set(kind, Math.max(longest.get(kind) ?? 0, seconds));
    }
  }).observe({ entryTypes: ["gc"] });
}

function watchMemory(registers: Registry[]): void {
  new Gauge({
    name: "sequencer_memory_bytes",
    help: "Memory in use: heap and array_buffers of the main thread; anonymous is all of the process but mapped files",
    labelNames: ["kind"],
    registers,
    collect() {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      this.set({ kind: "heap" }, heapUsed);
      this.set({ kind: "array_buffers" }, arrayBuffers);
      const anonymous = anonymousBytes();
      if (anonymous !== undefined) this.set({ kind: "anonymous" }, anonymous);
    },
  });
}

/** Linux alone tells it; undefined elsewhere. */
function anonymousBytes(): number | undefined {
  try {
    const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
  } catch {
    return undefined;
  }
}
