/**
 * Yamux (8.0.1), with three things of it mended. It announces a stream that it opens in a microtask of its own, and if
 * the peer hangs up just then, what the closing connection throws can be caught nowhere: here the stream is aborted. It
 * answers every frame with an update of the window, a record and a system call at both ends: here half a window at once.
 * And `onDrain()` waits for the first drain of a stream only: here for each.
 */
import { yamux } from "@chainsafe/libp2p-yamux";
import { untilDrained } from "./episub/drain.ts";

type MuxerFactory = ReturnType<ReturnType<typeof yamux>>;
type Muxer = ReturnType<MuxerFactory["createStreamMuxer"]>;
type YamuxStream = ReturnType<Muxer["onCreateStream"]>;

/** What is looked at of a stream, and is not in its type. */
interface Window {
  /** Bytes that the peer may send until it waits for an update, and those that it still may. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
}

/** The state of a stream that both sides know and read. */
const ESTABLISHED = 3;

/** A stream muxer for `createLibp2p`. */
export function muxer(): () => MuxerFactory {
  const make = yamux();
  return () => {
    const factory = make();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => mend(create(connection));
    return factory;
  };
}

function mend(made: Muxer): Muxer {
  const open = made.onCreateStream.bind(made);
  made.onCreateStream = () => {
    const stream = open();
    catchAnnouncement(stream);
    updateByHalves(stream);
    stream.onDrain = (options) => untilDrained(stream, options?.signal);
    return stream;
  };
  const take = made.onRemoteStream.bind(made);
  made.onRemoteStream = (stream) => {
    updateByHalves(stream);
    stream.onDrain = (options) => untilDrained(stream, options?.signal);
    take(stream);
  };
  return made;
}

function catchAnnouncement(stream: YamuxStream): void {
  const announce = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    try {
      announce();
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

function updateByHalves(stream: YamuxStream): void {
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    const { recvWindow, recvWindowCapacity } = stream as unknown as Window;
    if (stream.state !== ESTABLISHED || 2 * recvWindowCapacity <= recvWindow) update();
  };
}
