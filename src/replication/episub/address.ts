/** What an address tells: the peer at its end, and the network it is in. */
import type { Multiaddr } from "@multiformats/multiaddr";

/** Addresses by the peer that each ends in. */
export function byPeer(addresses: readonly Multiaddr[]): Map<string, Multiaddr[]> {
  const peers = new Map<string, Multiaddr[]>();
  for (const address of addresses) {
    const peer = address.getComponents().findLast(({ name }) => name === "p2p")?.value;
    if (peer === undefined) throw new Error(`the address of a direct peer ends in /p2p/…: ${address}`);
    peers.set(peer, [...(peers.get(peer) ?? []), address]);
  }
  return peers;
}

/** The /24 or /48 of a public address, else undefined: a data centre or a home is one network by nature. */
export function networkGroup(address: Multiaddr | undefined): string | undefined {
  const host = address?.getComponents()[0];
  if (host?.value === undefined) return undefined;
  if (host.name === "ip4") {
    const [a, b, c] = host.value.split(".").map(Number);
    const isPrivate =
      a === 127 ||
      a === 10 ||
      (a === 192 && b === 168) ||
      (a === 172 && b! >= 16 && b! < 32) ||
      (a === 169 && b === 254);
    return isPrivate ? undefined : `${a}.${b}.${c}.0/24`;
  }
  if (host.name !== "ip6") return undefined;
  const groups = expand(host.value);
  const first = groups[0]!;
  const isPrivate = first >= 0xfc00 || groups.every((group, i) => group === (i === 7 ? 1 : 0));
  return isPrivate
    ? undefined
    : `${groups
        .slice(0, 3)
        .map((group) => group.toString(16))
        .join(":")}::/48`;
}

/** The same, but undefined for a network that we are in ourselves: the nodes of one data centre are to find each other. */
export function foreignGroup(address: Multiaddr | undefined, own: readonly Multiaddr[]): string | undefined {
  const group = networkGroup(address);
  return own.some((each) => networkGroup(each) === group) ? undefined : group;
}

/** The eight groups of an IPv6 address. */
function expand(host: string): number[] {
  const [head = "", tail] = host.split("::");
  const parse = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = parse(head);
  const after = parse(tail ?? "");
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
}
