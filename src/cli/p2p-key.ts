/**
 * A node's identity among its peers: from the environment, or, for its first start, chance. Apart from the other keys,
 * because it takes libp2p's code, which is a fifth of a second that commands without a network do without.
 */
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { fromHex, isHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { keptKey } from "./keys.ts";

/** The node's libp2p identity: PRIVATE_KEY, kept beside its database, or made now. */
export async function p2pKey(dbPath: string, say: (line: string) => void): Promise<PrivateKey> {
  const given = process.env.PRIVATE_KEY;
  if (given !== undefined && given !== "") return parseP2pKey(given);
  const made = privateKeyToProtobuf(await generateKeyPair("Ed25519"));
  const bytes = await keptKey(
    dbPath,
    "p2p.key",
    () => made,
    (text) => privateKeyToProtobuf(parseP2pKey(text)),
    "P2P identity",
    say,
  );
  return privateKeyFromProtobuf(bytes);
}

/** PRIVATE_KEY: the protobuf of a libp2p key, 0x-hex. @throws SequencerError `key` */
export function parseP2pKey(text: string): PrivateKey {
  const bytes = isHex(text) ? fromHex(text) : isHex(`0x${text}`) ? fromHex(`0x${text}`) : undefined;
  if (bytes?.length === 32) {
    throw new SequencerError(
      "key",
      "PRIVATE_KEY is the P2P identity, and these are the 32 bytes of an account's key",
      {
        hint: "Put the operator's key into OPERATOR_PRIVATE_KEY; `sequencer init` prints one of each kind",
      },
    );
  }
  try {
    return privateKeyFromProtobuf(bytes ?? new Uint8Array(0));
  } catch (cause) {
    throw new SequencerError("key", "PRIVATE_KEY is not the 0x-hex protobuf of a libp2p private key", {
      cause,
      hint: "`sequencer init` prints one (0x08011240…)",
    });
  }
}
