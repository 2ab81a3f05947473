/**
 * A server of a log's files in the hands of an equivocating operator: it serves the fork, as any mirror would.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HASH_BYTES } from "../../src/base/hash.ts";
import { parseTilePath } from "../../src/log/tiles.ts";
import { type Cleanup, defer } from "./cleanup.ts";
import type { Fork } from "./fork.ts";

export async function serveForkFiles(cleanup: Cleanup, { head, leaves }: Fork): Promise<string> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    if (path === "checkpoint") return response.end(head.note);
    const tile = parseTilePath(path);
    if (tile?.kind === 0 && tile.index === 0)
      return response.end(leaves.subarray(0, tile.width * HASH_BYTES));
    return response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(cleanup, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
