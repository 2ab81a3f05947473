/**
 * Where this machine can be reached by libp2p: its address in the local network, as a multiaddr.
 */
import { networkInterfaces } from "node:os";
import type { PeerId } from "@libp2p/interface";

export function multiaddrOf(peerId: PeerId, port: number): string {
  return `/ip4/${localAddress()}/tcp/${port}/p2p/${peerId.toString()}`;
}

/** The first IPv4 address that is not loopback; loopback if there is none. */
function localAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
