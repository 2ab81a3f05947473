/**
 * Signed peer records (libp2p RFC 0002 and 0003): ours, and those that others pass on. What is not signed by the peer
 * it describes does not enter a view, so nobody can point a network at a victim's address under a foreign name.
 */
import type { PrivateKey } from "@libp2p/interface";
import { peerIdFromPublicKey } from "@libp2p/peer-id";
import { PeerRecord, RecordEnvelope } from "@libp2p/peer-record";
import type { Multiaddr } from "@multiformats/multiaddr";
import { equalBytes } from "../../base/bytes.ts";
import { LINK_LIMITS } from "./limits.ts";
import type { Message, PeerInfo } from "./messages.ts";
import { MalformedMessage } from "./protobuf.ts";

interface Verified {
  readonly record: Uint8Array;
  readonly addresses: readonly Multiaddr[];
}

const UNKNOWN = new Uint8Array();

export class RecordBook {
  readonly #verified = new Map<string, Verified>();

  addressesOf(peer: string): readonly Multiaddr[] {
    return this.#verified.get(peer)?.addresses ?? [];
  }

  /**
   * The message with only those peers that signed their record; its sender needs none. Synchronous where every record
   * was seen before, so that most messages never wait.
   * @throws MalformedMessage if a record is not what its peer signed.
   */
  check(from: string, message: Message): Message | undefined | Promise<Message | undefined> {
    switch (message.type) {
      case "join":
      case "forward-join":
        return this.#replace([message.peer], from, ([peer]) => peer && { ...message, peer });
      case "nodes":
      case "shuffle-reply":
        return this.#replace(message.peers, from, (peers) => ({ ...message, peers }));
      case "neighbor":
        return this.#replace([message.self, ...message.peers], from, ([self, ...peers]) =>
          self?.peer === from ? { ...message, self, peers } : undefined,
        );
      case "shuffle":
        return this.#replace([message.origin, ...message.peers], from, ([origin, ...peers]) =>
          origin?.peer === message.origin.peer ? { ...message, origin, peers } : undefined,
        );
      default:
        return message;
    }
  }

  #replace(
    infos: readonly PeerInfo[],
    from: string,
    rebuild: (infos: PeerInfo[]) => Message | undefined,
  ): Message | undefined | Promise<Message | undefined> {
    const strangers = infos.filter((info) => info.record.length > 0 && !this.#isKnown(info));
    const finish = () => rebuild(infos.flatMap((info) => this.#admit(info, from)));
    if (strangers.length === 0) return finish();
    return Promise.all(strangers.map((info) => this.#verify(info))).then(finish);
  }

  #isKnown({ peer, record }: PeerInfo): boolean {
    const known = this.#verified.get(peer);
    return known !== undefined && equalBytes(known.record, record);
  }

  /** A peer without a dialable record is taken only from itself, and never passed on. */
  #admit({ peer, record }: PeerInfo, from: string): PeerInfo[] {
    const isUseful = record.length > 0 && this.addressesOf(peer).length > 0;
    if (isUseful) return [{ peer, record }];
    return peer === from ? [{ peer, record: UNKNOWN }] : [];
  }

  async #verify({ peer, record }: PeerInfo): Promise<void> {
    const addresses = await openRecord(peer, record);
    this.#verified.delete(peer);
    this.#verified.set(peer, { record, addresses });
    if (this.#verified.size > LINK_LIMITS.recordsMax) {
      this.#verified.delete(this.#verified.keys().next().value!);
    }
  }
}

async function openRecord(peer: string, record: Uint8Array): Promise<readonly Multiaddr[]> {
  try {
    const envelope = await RecordEnvelope.openAndCertify(record, PeerRecord.DOMAIN);
    const { peerId, multiaddrs } = PeerRecord.createFromProtobuf(envelope.payload);
    if (peerId.toString() === peer && peerIdFromPublicKey(envelope.publicKey).equals(peerId))
      return multiaddrs;
  } catch {
    // Whatever the library calls it, it is the same fault.
  }
  throw new MalformedMessage(`the record of ${peer} is not signed by it`);
}

/** Our own record; empty while we listen nowhere, for then nobody can dial us. */
export async function sealRecord(privateKey: PrivateKey, addresses: readonly Multiaddr[]): Promise<PeerInfo> {
  const peerId = peerIdFromPublicKey(privateKey.publicKey);
  const peer = peerId.toString();
  if (addresses.length === 0) return { peer, record: UNKNOWN };
  const record = new PeerRecord({ peerId, multiaddrs: [...addresses] });
  const envelope = await RecordEnvelope.seal(record, privateKey);
  return { peer, record: envelope.marshal() };
}
