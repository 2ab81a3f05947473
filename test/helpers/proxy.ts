/**
 * A proxy between client and node that lies, loses and cuts: what a network or a node in other hands may do.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Cleanup, defer } from "./cleanup.ts";

export interface Exchange {
  readonly path: string;
  /** Body of the request. */
  readonly body: string;
  /** What the node answers; asking for it passes the request on. */
  answer(): Promise<{ status: number; body: string }>;
}

/** The answer to give, `cut` to close the connection without one, or undefined to be an honest proxy. */
export type Behaviour = (exchange: Exchange) => Promise<{ status: number; body: string } | "cut" | undefined>;

export interface TestProxy {
  readonly url: string;
  /** The node behind it; may change, as if one had restarted elsewhere. */
  target: string;
  behave: Behaviour;
  /** Cuts every connection that is open. */
  cutAll(): void;
}

export async function startProxy(cleanup: Cleanup, target: string, behave: Behaviour): Promise<TestProxy> {
  const server = createServer((request, response) => {
    serve(proxy, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(cleanup, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const proxy: TestProxy = {
    url: `http://127.0.0.1:${port}`,
    target,
    behave,
    cutAll: () => server.closeAllConnections(),
  };
  return proxy;
}

async function serve(proxy: TestProxy, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "/";
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("utf8");
  const pass = () => fetch(proxy.target + path, request.method === "POST" ? { method: "POST", body } : {});
  const behaviour = await proxy.behave({
    path,
    body,
    answer: async () => {
      const answer = await pass();
      return { status: answer.status, body: await answer.text() };
    },
  });
  if (behaviour === "cut") return void response.destroy();
  if (behaviour !== undefined) return void response.writeHead(behaviour.status).end(behaviour.body);
  await forward(await pass(), response);
}

/** Passes an answer on as it comes, streams included. */
async function forward(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status);
  const reader = answer.body?.getReader();
  response.once("close", () => void reader?.cancel().catch(() => undefined));
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    response.write(part.value);
  }
  response.end();
}
