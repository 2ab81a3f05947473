/** Stands between a client and a JSON-RPC node and loses what a test tells it to. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export async function startLossyProxy(target: string) {
  const losses: { method: string; forwarded: boolean }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const { method }: { method: string } = JSON.parse(body);
    const at = losses.findIndex((loss) => loss.method === method);
    const loss = at < 0 ? undefined : losses.splice(at, 1)[0];
    if (loss?.forwarded === false) return response.destroy();
    const answer = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const text = await answer.text();
    if (loss !== undefined) return response.destroy();
    return response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Loses the next request of a method, or its answer after the node got it. */
    lose(method: string, what: "request" | "answer"): void {
      losses.push({ method, forwarded: what === "answer" });
    },
    allLost: () => losses.length === 0,
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
