/**
 * The log as files: checkpoint, tiles and entry bundles exactly as C2SP tlog-tiles has them, so that every
 * transparency-log tool can read it and any CDN can mirror it. SPEC section 5.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { concatBytes } from "../base/bytes.ts";
import { parseTilePath, TILE_WIDTH, type TileRequest, tileWidth } from "../log/tiles.ts";
import type { Backend } from "./backend.ts";
import { signedHead } from "./methods.ts";

/** What was signed once never changes: a tile or a bundle of a given width is the same for ever. */
const FOREVER = "public, max-age=31536000, immutable";

export function serveStaticFiles(server: FastifyInstance, backend: Backend): void {
  server.get("/checkpoint", (_request, reply) => {
    return reply
      .header("content-type", "text/plain; charset=utf-8")
      .header("cache-control", "no-cache")
      .send(signedHead(backend).note);
  });
  server.get("/tile/*", (request: FastifyRequest<{ Params: { "*": string } }>, reply) => {
    const wanted = parseTilePath(`tile/${request.params["*"]}`);
    const bytes = wanted === undefined ? undefined : readTile(backend, wanted);
    return bytes === undefined ? notFound(reply) : sendForever(reply, bytes);
  });
}

function readTile(backend: Backend, { kind, index, width }: TileRequest): Uint8Array | undefined {
  const { size } = signedHead(backend);
  if (kind !== "entries") {
    return tileWidth(kind, index, size) < width ? undefined : backend.log.tile(kind, index, width);
  }
  const first = index * TILE_WIDTH;
  if (first + width > size) return undefined;
  const pieces = Array.from(backend.log.pieces(first, first + width), ({ entries }) => entries);
  return pieces.length === 1 ? pieces[0] : concatBytes(...pieces);
}

function sendForever(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply
    .header("content-type", "application/octet-stream")
    .header("cache-control", FOREVER)
    .send(bytes);
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .header("cache-control", "no-cache")
    .type("text/plain")
    .send("not in the signed log\n");
}
