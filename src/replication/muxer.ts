/**
 * Yamux, with one mistake of it mended: it announces a stream that it opens in a microtask of its own, and if the peer
 * hangs up just then, what the closing connection throws can be caught nowhere (8.0.1). Here the stream is aborted.
 */
import { yamux } from "@chainsafe/libp2p-yamux";

type MuxerFactory = ReturnType<ReturnType<typeof yamux>>;
type Muxer = ReturnType<MuxerFactory["createStreamMuxer"]>;

/** A stream muxer for `createLibp2p`. */
export function muxer(): () => MuxerFactory {
  const make = yamux();
  return () => {
    const factory = make();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => catchAnnouncements(create(connection));
    return factory;
  };
}

function catchAnnouncements(made: Muxer): Muxer {
  const open = made.onCreateStream.bind(made);
  made.onCreateStream = () => {
    const stream = open();
    const announce = stream.sendWindowUpdate.bind(stream);
    stream.sendWindowUpdate = () => {
      try {
        announce();
      } catch (error) {
        stream.abort(error instanceof Error ? error : new Error(String(error)));
      }
    };
    return stream;
  };
  return made;
}
