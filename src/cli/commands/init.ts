/**
 * `init`: makes the keys of a new primary and prints them, once; nothing is written.
 */
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { toHex } from "../../base/bytes.ts";
import type { Command } from "../command.ts";
import { multiaddrOf } from "../multiaddr.ts";

export const initCommand: Command = {
  usage: "init [-p2pport 24445]",
  description: `Prints two secrets, and what belongs to them. Nothing is written to disk: keep what you need.
The operator key signs the order and carries the stake; the P2P key is only the node's name in the network.`,
  flags: {
    p2pport: { type: "string", value: "PORT", help: "port in the printed multiaddr", default: "24445" },
  },
  examples: ["sequencer init", "sequencer init -p2pport 30000"],
  run: async (values) => {
    const operatorKey = secp256k1.utils.randomSecretKey();
    const p2pKey = await generateKeyPair("Ed25519");
    console.log("Initializing a sequencer primary...\n");
    console.log(`Core operator private key: ${toHex(operatorKey)}`);
    console.log(`Core operator public key: ${toHex(secp256k1.getPublicKey(operatorKey, false))}`);
    console.log(`P2P multiaddr: ${multiaddrOf(peerIdFromPrivateKey(p2pKey), values.number("p2pport")!)}`);
    console.log(`P2P private key: ${toHex(privateKeyToProtobuf(p2pKey))}`);
    console.log("\nStart it with:");
    console.log("  PRIVATE_KEY=<P2P private key> OPERATOR_PRIVATE_KEY=<core operator private key> \\");
    console.log("    sequencer start -dbpath DIR -mode primary");
  },
};
