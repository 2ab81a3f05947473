/**
 * Whom connections and requests count for, and how many connections that may be. A source is an IPv4 address, or the
 * /64 that one IPv6 client can have all addresses of. Behind a proxy that the operator trusts (`-trust-proxy`, SPEC
 * section 6) it is the client that the proxy names; from anybody else X-Forwarded-For is only a claim.
 */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6, type Server, type Socket } from "node:net";
import { SequencerError } from "../base/errors.ts";
import { CONNECTIONS_MAX, CONNECTIONS_PER_SOURCE_MAX } from "../base/limits.ts";

/** Proxies whose X-Forwarded-For is believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  /** @throws SequencerError `usage` for what is neither an address nor a network like 10.0.0.0/8 */
  constructor(addresses: readonly string[]) {
    this.isEmpty = addresses.length === 0;
    for (const text of addresses) {
      const [address, bits, ...surplus] = text.split("/");
      const family = familyOf(address!);
      const length = family === "ipv6" ? 128 : 32;
      const prefix = bits === undefined ? length : /^\d{1,3}$/.test(bits) ? Number(bits) : 0;
      if (isIP(address!) === 0 || surplus.length > 0 || prefix < 1 || prefix > length) {
        throw new SequencerError(
          "usage",
          `-trust-proxy needs addresses, or networks like 10.0.0.0/8, not "${text}"`,
        );
      }
      this.#list.addSubnet(address!, prefix, family);
    }
  }

  /** @param address of a socket; undefined once it is closed */
  has(address: string | undefined): boolean {
    return address !== undefined && isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }

  /** Whom a request counts for: the last address that it came from or through and that is not a trusted proxy's. */
  sourceOf({ headers, socket }: IncomingMessage): string {
    const caller = socket.remoteAddress;
    const forwarded = headers["x-forwarded-for"];
    if (this.isEmpty || forwarded === undefined) return sourceOf(undefined, caller);
    // Each proxy has added whom it was called by.
    const way = String(forwarded)
      .split(",")
      .map((address) => address.trim());
    let client = caller;
    while (way.length > 0 && this.has(client)) client = way.pop();
    return sourceOf(client, caller);
  }
}

/**
 * @param named the client as the proxies in between tell it, or whoever called
 * @param caller at the other end of the connection: pays for what names nobody
 */
export function sourceOf(named: string | undefined, caller: string | undefined): string {
  const address = named !== undefined && isIP(named) !== 0 ? named : (caller ?? "");
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [head = [], tail = []] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  const groups = [...head, ...zeros, ...tail].slice(0, 4).map((group) => Number.parseInt(group, 16));
  return `${groups.map((group) => group.toString(16)).join(":")}::/64`;
}

/**
 * Closes what exceeds the bounds at once. Trusted proxies may have any part of all connections.
 * @param onRefused told whose connection was closed
 */
export function boundConnections(
  server: Server,
  proxies: TrustedProxies,
  onRefused: (source: string) => void,
): void {
  const open = new Map<string, number>();
  server.maxConnections = CONNECTIONS_MAX;
  server.on("drop", (connection) => onRefused(sourceOf(undefined, connection?.remoteAddress)));
  server.on("connection", (socket: Socket) => {
    if (proxies.has(socket.remoteAddress)) return;
    const source = sourceOf(undefined, socket.remoteAddress);
    const count = (open.get(source) ?? 0) + 1;
    open.set(source, count);
    socket.once("close", () => {
      const rest = open.get(source)! - 1;
      if (rest === 0) open.delete(source);
      else open.set(source, rest);
    });
    if (count <= CONNECTIONS_PER_SOURCE_MAX) return;
    onRefused(source);
    socket.destroy();
  });
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
