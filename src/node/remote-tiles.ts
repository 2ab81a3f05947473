/**
 * The nodes of a tree that only somebody else holds: a fork is proved from the data of whoever serves it. Every hash is
 * verified against the signed head, so it does not matter whom they come from. Nobody is cut off for not having them.
 */
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { WATCH_ANSWER_MS } from "../base/limits.ts";
import type { Transport } from "../client/transport.ts";
import type { AttestedHead, Head } from "../log/checkpoint.ts";
import { tilePath } from "../log/tiles.ts";
import type { SyncPeer } from "../replication/panel.ts";
import { VerifiedTiles } from "../replication/verified-tiles.ts";
import type { Evidence, LogDomain } from "../slashing/evidence.ts";
import { findEvidence } from "../slashing/find-evidence.ts";

/** Perfect subtrees of one tree, wherever they are. */
export type RemoteNodes = (level: number, index: number) => Uint8Array | Promise<Uint8Array>;

type GetTile = (level: number, index: number, width: number) => Promise<Uint8Array | undefined>;

/** @throws SequencerError `network` if this peer does not serve the tree of this head */
export function nodesOfPeer(peer: SyncPeer, head: Head): Promise<RemoteNodes> {
  return nodesOf(head, async (level, index, width) => {
    const answer = await peer.ask({ kind: "tile", level, index, width });
    return answer.kind === "tile" ? answer.hashes : undefined;
  });
}

/** @throws SequencerError `network` if this server does not have the tree of this head */
export function nodesOfServer(server: Transport, head: Head): Promise<RemoteNodes> {
  return nodesOf(head, async (level, index, width) => {
    const path = `/${tilePath({ kind: level, index, width })}`;
    const response = await server.get(path, AbortSignal.timeout(WATCH_ANSWER_MS));
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  });
}

/** What two heads prove with the nodes of the larger one's tree. */
export async function evidenceFrom(
  domain: LogDomain,
  one: AttestedHead,
  other: AttestedHead,
  nodes: RemoteNodes,
): Promise<Evidence | undefined> {
  // Which nodes it takes depends on the sizes and on whether they conflict: asked until none is missing.
  const known = new Map<string, Uint8Array>();
  for (;;) {
    const missing = new Map<string, Promise<Uint8Array>>();
    const evidence = findEvidence(domain, one, other, (level, index) => {
      const key = `${level}/${index}`;
      const hash = known.get(key);
      if (hash === undefined) missing.set(key, Promise.resolve(nodes(level, index)));
      return hash ?? new Uint8Array(HASH_BYTES);
    });
    if (missing.size === 0) return evidence;
    for (const [key, hash] of missing) known.set(key, await hash);
  }
}

async function nodesOf(head: Head, get: GetTile): Promise<RemoteNodes> {
  const tile = async (
    level: number,
    index: number,
    width: number,
    accept: (hashes: Uint8Array) => boolean,
  ): Promise<Uint8Array> => {
    const hashes = await get(level, index, width);
    if (hashes?.length === width * HASH_BYTES && accept(hashes)) return hashes;
    throw new SequencerError("network", `the tree of the signed head of size ${head.size} is not served`);
  };
  const tiles = await VerifiedTiles.open(head, tile, async (wanted, accept) => {
    const edges: Uint8Array[] = [];
    for (const { level, index, width } of wanted) edges.push(await tile(level, index, width, () => true));
    if (accept(edges)) return edges;
    throw new SequencerError("network", `the tree of the signed head of size ${head.size} is not served`);
  });
  return (level, index) => tiles.node(level, index);
}
