/**
 * The operator's key on a second machine: signs another last entry than the node at the given URL, tells the peers at
 * the given multiaddrs, and serves its history to whoever asks. The key is in OPERATOR_PRIVATE_KEY.
 */
import { generateKeyPair } from "@libp2p/crypto/keys";
import { fromHex, toHexDigits } from "../../../src/base/bytes.ts";
import { isEvidence } from "../../../src/replication/block-messages.ts";
import { Network } from "../../../src/replication/network.ts";
import { decodeRequest, encodeAnswer } from "../../../src/replication/sync-messages.ts";
import { useNativeSecp256k1 } from "../../../src/sequencing/native-secp256k1.ts";
import { forkOf, serveFork } from "../fork.ts";

const [url = "", peers = "", surplus = "0"] = process.argv.slice(2);
useNativeSecp256k1();
const fork = await forkOf(url, fromHex(process.env.OPERATOR_PRIVATE_KEY), Number(surplus));
const topic = toHexDigits(fork.log.logId);
const network = await Network.start({
  identity: await generateKeyPair("Ed25519"),
  port: 0,
  announce: [],
  peers: peers.split(","),
  answerSync: (frame) => {
    const request = decodeRequest(frame);
    return request === undefined ? undefined : encodeAnswer(serveFork(fork, request));
  },
  validate: (payload) => {
    if (isEvidence(payload)) console.log("evidence came back");
    return "accept";
  },
  isKnown: () => false,
  deliver: () => undefined,
  onMissing: () => undefined,
});
network.join(topic);
console.log(`size ${fork.head.size}`);
// A neighbour has to be there before anything can be pushed.
const timer = setInterval(() => {
  if (network.stats(topic).neighbors === 0) return;
  clearInterval(timer);
  network.publish(topic, fork.block, { flood: true });
  console.log("equivocated");
}, 50);
