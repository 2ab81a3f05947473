/** What the service tells of a topic: its neighbours, and its counters with what is held at the moment. */
import type { EpisubStats, NeighborView } from "./episub.ts";
import type { State } from "./state.ts";

/** @param queueBytes bytes that wait for a peer */
export function neighborsOf({ active }: State, queueBytes: (peer: string) => number): NeighborView[] {
  return [...active.values()].map(({ info: { peer }, near, eager, behind, rttMs }) => {
    return { peer, near, eager, behind, rttMs, queueBytes: queueBytes(peer) };
  });
}

export function statsOf(state: State, neighbors: readonly NeighborView[]): EpisubStats {
  return {
    ...state.counters,
    neighbors: neighbors.length,
    eager: neighbors.filter(({ eager }) => eager).length,
    passive: state.passive.size,
    missing: state.missing.size,
    cacheBytes: state.cache.bytes,
    validatingBytes: state.validatingBytes,
    queueBytes: neighbors.reduce((sum, { queueBytes }) => sum + queueBytes, 0),
  };
}
