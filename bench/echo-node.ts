/**
 * The least that an HTTP server of Node can do with a request: read the body and answer it, or an answer of a given
 * length. A process of its own, `node echo-node.ts [BYTES]`, that prints where it listens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const bytes = process.argv[2];
const fixed = bytes === undefined ? undefined : Buffer.alloc(Number(bytes), "0");

function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = fixed ?? (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
}

const server = createServer(answer);
server.listen(0, "127.0.0.1", () => {
  console.log(`API http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
