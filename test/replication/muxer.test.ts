/**
 * A peer that hangs up while a stream is opened ends that stream and nothing else; windows are updated by halves; a
 * writer waits for room each time there is none.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Stream } from "@libp2p/interface";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { muxer } from "../../src/replication/muxer.ts";
import { until } from "./episub/nodes.ts";

test("a stream whose announcement finds the connection closed is aborted, and nothing is thrown", async () => {
  const [connection] = multiaddrConnectionPair();
  const made = muxer()().createStreamMuxer(connection);
  void connection.close();
  const stream = await made.createStream();
  await new Promise((resolve) => setImmediate(resolve));
  assert.notEqual(stream.status, "open");
});

/** Muxers at both ends of a connection, which ends with the test. */
function muxerPair(t: TestContext) {
  const [near, far] = multiaddrConnectionPair();
  t.after(() => {
    near.abort(new Error("the test is over"));
    far.abort(new Error("the test is over"));
  });
  return { near, opener: muxer()().createStreamMuxer(near), accepter: muxer()().createStreamMuxer(far) };
}

test("a stream of a sound connection is opened and carries bytes", async (t) => {
  const { opener, accepter } = muxerPair(t);
  const received = new Promise<Uint8Array>((resolve) => {
    accepter.addEventListener("stream", ({ detail }) => {
      detail.addEventListener("message", ({ data }) => resolve(data.subarray()));
    });
  });
  const stream = await opener.createStream();
  stream.send(Uint8Array.of(1, 2, 3));
  assert.deepEqual([...(await received)], [1, 2, 3]);
});

test("the window is updated by halves, not for every frame, and never runs dry", async (t) => {
  const { near, opener, accepter } = muxerPair(t);
  let received = 0;
  accepter.addEventListener("stream", ({ detail }) => {
    detail.addEventListener("message", ({ data }) => {
      received += data.byteLength;
    });
  });
  let frames = 0;
  near.addEventListener("message", () => frames++);
  const stream = await opener.createStream();
  const chunk = new Uint8Array(1_024);
  for (let sent = 0; sent < 1_024; sent++) {
    stream.send(chunk);
    await stream.onDrain();
  }
  await until("all of it arrives", () => received === 1_024 * chunk.length);
  assert.ok(frames < 50, `${frames} frames came back for 1,024`);
});

/** Writes until there is no room for a while, or far too much is written; returns the bytes. */
async function fill(stream: Stream): Promise<number> {
  const chunk = new Uint8Array(2 ** 16);
  const hasRoom = () => Promise.race([stream.onDrain().then(() => true), setTimeout(50, false)]);
  let bytes = 0;
  for (; bytes < 2 ** 26 && (await hasRoom()); bytes += chunk.length) stream.send(chunk);
  return bytes;
}

test("a writer waits for a reader that stops, the second time as the first", async (t) => {
  const { opener, accepter } = muxerPair(t);
  let received = 0;
  const accepted = new Promise<Stream>((resolve) => {
    accepter.addEventListener("stream", ({ detail }) => {
      detail.maxReadBufferLength = 2 ** 26;
      detail.addEventListener("message", ({ data }) => {
        received += data.byteLength;
      });
      resolve(detail);
    });
  });
  const stream = await opener.createStream();
  stream.send(Uint8Array.of(1));
  const reader = await accepted;
  for (let sent = 1, time = 1; time <= 3; time++) {
    reader.pause();
    const held = await fill(stream);
    assert.ok(held < 2 ** 25, `${held} bytes, time ${time}`);
    sent += held;
    reader.resume();
    await stream.onDrain();
    await until("all of it arrives", () => received === sent);
  }
});

test("a writer that waits hears of the end of its stream, and so does one that comes later", async (t) => {
  const { opener, accepter } = muxerPair(t);
  accepter.addEventListener("stream", ({ detail }) => detail.pause());
  const stream = await opener.createStream();
  await fill(stream);
  const waiting = assert.rejects(stream.onDrain());
  stream.abort(new Error("cut"));
  await waiting;
  await assert.rejects(stream.onDrain(), /the stream is aborted/);
});
