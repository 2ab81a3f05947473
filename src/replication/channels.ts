/**
 * The channels of a node to its peers: a few for each protocol and peer, kept open, the least used one taken.
 */
import type { Stream } from "@libp2p/interface";
import { Channel, type ChannelProtocol } from "./channel.ts";

export class Channels {
  readonly #open: (peer: string, protocol: string, signal: AbortSignal) => Promise<Stream>;
  readonly #channels = new Map<string, Channel[]>();

  constructor(open: (peer: string, protocol: string, signal: AbortSignal) => Promise<Stream>) {
    this.#open = open;
  }

  take(peer: string, protocol: ChannelProtocol): Channel {
    const key = `${protocol.name} ${peer}`;
    const channels = this.#channels.get(key) ?? [];
    this.#channels.set(key, channels);
    const idle = channels.find(({ pending }) => pending === 0);
    if (idle !== undefined) return idle;
    if (channels.length === protocol.channelsMax) {
      return channels.reduce((a, b) => (b.pending < a.pending ? b : a));
    }
    const channel = new Channel(protocol, (signal) => this.#open(peer, protocol.name, signal));
    channels.push(channel);
    return channel;
  }

  forget(peer: string, protocol: ChannelProtocol): void {
    const key = `${protocol.name} ${peer}`;
    for (const channel of this.#channels.get(key) ?? []) channel.close();
    this.#channels.delete(key);
  }

  close(): void {
    for (const channels of this.#channels.values()) for (const channel of channels) channel.close();
    this.#channels.clear();
  }
}
