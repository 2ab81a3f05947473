/**
 * Whom requests count for: addresses, networks, and proxies that are trusted or not.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { pino } from "pino";
import { rejected } from "../../src/base/errors.ts";
import type { Backend } from "../../src/rpc/backend.ts";
import { Metrics } from "../../src/rpc/metrics.ts";
import { startServer } from "../../src/rpc/server.ts";
import { sourceOf, TrustedProxies } from "../../src/rpc/sources.ts";

test("a source is an IPv4 address, or the first half of an IPv6 address", () => {
  for (const [address, source] of [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ] as const) {
    assert.equal(sourceOf(address, "198.51.100.1"), source);
    assert.equal(sourceOf(undefined, address), source);
  }
});

test("all ways to write an IPv6 address give one source", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const long = groups.map((each) => each.toString(16).padStart(4, "0")).join(":");
      const { hostname } = new URL(`http://[${long}]/`);
      assert.equal(sourceOf(hostname.slice(1, -1), undefined), sourceOf(long, undefined));
    }),
  );
});

test("what names nobody is paid for by the caller", () => {
  for (const name of ["unknown", "", "192.0.2.7:4711", "192.0.2.256", "_hidden"]) {
    assert.equal(sourceOf(name, "198.51.100.1"), "198.51.100.1");
  }
  assert.equal(sourceOf(undefined, undefined), "");
});

test("proxies are trusted by address or network; anything else is refused", () => {
  const proxies = new TrustedProxies(["192.0.2.7", "10.0.0.0/8", "2001:db8::/32", "::1"]);
  for (const address of ["192.0.2.7", "::ffff:192.0.2.7", "10.255.0.1", "2001:db8::7", "::1"]) {
    assert(proxies.has(address), address);
  }
  for (const address of ["192.0.2.8", "11.0.0.1", "2001:db9::", "::2", "loopback", undefined]) {
    assert(!proxies.has(address), String(address));
  }
  for (const bad of [
    "loopback",
    "proxy.example.com",
    "10.0.0.0/0",
    "10.0.0.0/33",
    "::/129",
    "1.2.3.4/",
    "1.2.3.4/8/8",
  ]) {
    assert.throws(() => new TrustedProxies([bad]), { code: "usage", message: /-trust-proxy/ });
  }
});

/** Sends an append from an address of this machine; what the server takes for its source. */
async function serverThatTrusts(t: TestContext, proxies: readonly string[]) {
  const sources: string[] = [];
  const backend = {
    log: { logId: new Uint8Array(32) },
    append: async (payloads, source) => {
      sources.push(source.name);
      return payloads.map(() => rejected("malformed", "of no interest"));
    },
  } as Partial<Backend> & { log: unknown } as Backend;
  const logger = pino({ level: "silent" });
  const server = await startServer({
    ...{ backend, logger, metrics: new Metrics(), host: "127.0.0.1", port: 0 },
    trustedProxies: new TrustedProxies(proxies),
  });
  t.after(() => server.close());
  return async (from: string, forwarded?: string): Promise<string | undefined> => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port), localAddress: from });
    await once(socket, "connect");
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sequencer_append", params: ["0x53c0"] });
    const claim = forwarded === undefined ? "" : `x-forwarded-for: ${forwarded}\r\n`;
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${claim}content-length: ${body.length}\r\n\r\n${body}`,
    );
    assert.match(await text(socket), /^HTTP\/1\.1 200 /);
    return sources.pop();
  };
}

test("nobody is believed to be a proxy unless it is named", async (t) => {
  const send = await serverThatTrusts(t, []);
  assert.equal(await send("127.0.0.8"), "127.0.0.8");
  assert.equal(await send("127.0.0.8", "203.0.113.9"), "127.0.0.8");
});

test("a trusted proxy names the client; what the client claims beyond that is not believed", async (t) => {
  const send = await serverThatTrusts(t, ["127.0.0.8", "10.0.0.0/8"]);
  assert.equal(await send("127.0.0.8", "203.0.113.9"), "203.0.113.9");
  assert.equal(await send("127.0.0.8", "2001:db8:1:2::9"), "2001:db8:1:2::/64");
  assert.equal(await send("127.0.0.8", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
  assert.equal(await send("127.0.0.8", "203.0.113.9, 10.1.2.3"), "203.0.113.9", "a chain of proxies");
  assert.equal(await send("127.0.0.8", "nonsense"), "127.0.0.8");
  assert.equal(await send("127.0.0.8"), "127.0.0.8");
  assert.equal(await send("127.0.0.9", "203.0.113.9"), "127.0.0.9", "not the proxy");
});
