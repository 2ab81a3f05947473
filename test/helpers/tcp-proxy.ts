/** A TCP proxy that cuts its connections and heals: what a broken cable or a firewall does to a link. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Cleanup, defer } from "./cleanup.ts";

export interface TcpProxy {
  readonly port: number;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  heal(): void;
}

export async function startTcpProxy(cleanup: Cleanup, targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const drop = (socket: Socket): void => {
    sockets.delete(socket);
    socket.destroy();
  };
  const server = createServer((inbound) => {
    if (isCut) return inbound.destroy();
    const outbound = connect(targetPort, "127.0.0.1");
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => drop(other));
      one.pipe(other);
    }
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(cleanup, async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    heal: () => {
      isCut = false;
    },
  };
}

/** A port that nobody listened on a moment ago. */
export async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
