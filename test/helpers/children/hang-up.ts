/**
 * Opens streams over connections that are closing, as when a peer hangs up; then, if it is told to, makes the same
 * mistake itself. Prints what is counted and what is fatal.
 */
import { yamux } from "@chainsafe/libp2p-yamux";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { pino } from "pino";
import { surviveHangUps } from "../../../src/cli/hang-ups.ts";

const hangUps = surviveHangUps(pino(pino.destination({ dest: 2, sync: true })), (error) => {
  console.log(`fatal ${(error as Error).name}`);
  process.exit(1);
});
for (let i = 0; i < 3; i++) {
  const [connection] = multiaddrConnectionPair();
  const muxer = yamux()().createStreamMuxer(connection);
  void connection.close();
  await muxer.createStream();
}
setImmediate(() => {
  console.log(`survived ${hangUps()}`);
  if (process.argv[2] === "ours") {
    const [connection] = multiaddrConnectionPair();
    void connection.close();
    connection.send(new Uint8Array(1));
  }
  if (process.argv[2] === "others") throw new Error("of another kind");
});
