/**
 * Our Noise beside the library's own: each reads what the other writes, however long it is and however it arrives.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { noise } from "@chainsafe/libp2p-noise";
import { generateKeyPair } from "@libp2p/crypto/keys";
import type { ComponentLogger, MessageStream, Upgrader } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { concatBytes } from "../../src/base/bytes.ts";
import { encrypter } from "../../src/replication/encrypter.ts";
import { until } from "./episub/nodes.ts";

type Make = ReturnType<typeof noise>;
/** `onData` is what a transport calls. */
type Wire = ReturnType<typeof multiaddrConnectionPair>[number] & {
  onData(data: Uint8Array | Uint8ArrayList): void;
};
type Uint8ArrayList = Exclude<Parameters<MessageStream["send"]>[0], Uint8Array>;

/** One byte, a small record, a full one, one byte more, and several. */
const LENGTHS = [1, 50, 1_184, 1_199, 1_200, 65_519, 65_520, 200_000];

/** What arrives at the far end comes in pieces of this length, after `change`. */
async function connect(t: TestContext, makers: readonly [Make, Make], pieceBytes = Number.POSITIVE_INFINITY) {
  const wires = multiaddrConnectionPair() as [Wire, Wire];
  const [near, far] = wires;
  t.after(() => {
    for (const wire of wires) wire.abort(new Error("the test is over"));
  });
  const onWire = { change: (_bytes: Uint8Array): void => undefined };
  const take = far.onData.bind(far);
  far.onData = (data) => {
    const bytes = Uint8Array.from(data.subarray());
    onWire.change(bytes);
    for (let at = 0; at < bytes.length; at += pieceBytes) take(bytes.subarray(at, at + pieceBytes));
  };
  const [dialler, listener] = await Promise.all(makers.map((make, i) => encrypterOf(make, wires[i]!)));
  const options = { skipStreamMuxerNegotiation: true };
  const [outbound, inbound] = await Promise.all([
    dialler!.secureOutbound(near, options),
    listener!.secureInbound(far, options),
  ]);
  return { near: outbound.connection, far: inbound.connection, onWire };
}

async function encrypterOf(make: Make, { log }: Wire): Promise<ReturnType<Make>> {
  const privateKey = await generateKeyPair("Ed25519");
  const logger: ComponentLogger = { forComponent: () => log };
  return make({ privateKey, peerId: peerIdFromPrivateKey(privateKey), logger, upgrader: {} as Upgrader });
}

function received(stream: MessageStream): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  stream.addEventListener("message", ({ data }) => chunks.push(Uint8Array.from(data.subarray())));
  return chunks;
}

async function carries(from: MessageStream, to: MessageStream): Promise<void> {
  const sent = LENGTHS.map((length, i) => new Uint8Array(length).map((_, at) => at * (i + 1)));
  const chunks = received(to);
  for (const bytes of sent) {
    from.send(bytes);
    await from.onDrain();
  }
  const length = LENGTHS.reduce((sum, one) => sum + one, 0);
  await until("all of it arrives", () => chunks.reduce((sum, one) => sum + one.length, 0) === length);
  assert.ok(Buffer.from(concatBytes(...chunks)).equals(concatBytes(...sent)));
}

for (const [name, makers] of [
  ["ours to ours", [encrypter(), encrypter()]],
  ["ours to the library's", [encrypter(), noise()]],
  ["the library's to ours", [noise(), encrypter()]],
] as const) {
  test(`what is sent from ${name} arrives, and back`, async (t) => {
    const { near, far } = await connect(t, makers);
    await carries(near, far);
    await carries(far, near);
  });
}

test("records that arrive in pieces are put together", async (t) => {
  for (const pieceBytes of [1, 7, 65_536]) {
    const { near, far } = await connect(t, [encrypter(), encrypter()], pieceBytes);
    await carries(near, far);
  }
});

test("a record that was changed on its way, or is too short for a tag, ends the connection", async (t) => {
  for (const change of [
    (bytes: Uint8Array) => (bytes[5]! ^= 1),
    (bytes: Uint8Array) => (bytes[bytes.length - 1]! ^= 1),
    (bytes: Uint8Array) => bytes.set([0, 5]),
    (bytes: Uint8Array) => bytes.set([0, 0]),
  ]) {
    for (const length of [100, 5_000]) {
      const { near, far, onWire } = await connect(t, [encrypter(), encrypter()]);
      const chunks = received(far);
      onWire.change = change;
      near.send(new Uint8Array(length));
      await until("the connection ends", () => far.status === "aborted");
      assert.equal(chunks.length, 0);
    }
  }
});
