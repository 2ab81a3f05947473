/**
 * The HTTP server, SPEC section 5: JSON-RPC, the static log, the stream, metrics and health. The only file that
 * knows Fastify. Bodies, calls, connections and times are bounded; a request that is refused costs its sender alone.
 */
import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage } from "node:http";
import cors from "@fastify/cors";
import Fastify, { type FastifyError, type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { SequencerError } from "../base/errors.ts";
import {
  KEEP_ALIVE_TIMEOUT_MS,
  REFUSAL_NOTICE_MS,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_TIMEOUT_MS,
  SHUTDOWN_IDLE_MS,
  SHUTDOWN_MS,
  STREAM_STALL_MS,
  STREAMS_MAX,
} from "../base/limits.ts";
import type { Backend } from "./backend.ts";
import { fail } from "./json-rpc.ts";
import { signedHead } from "./methods.ts";
import type { Metrics } from "./metrics.ts";
import { parseIndex } from "./params.ts";
import { JSON_TYPE, Posts, retryAfterSeconds } from "./posts.ts";
import { Requests } from "./requests.ts";
import { serveSockets } from "./sockets.ts";
import { boundConnections, TrustedProxies } from "./sources.ts";
import { serveStaticFiles } from "./static-files.ts";
import { streamLog } from "./stream.ts";
import { WholeRequest } from "./whole-request.ts";

export interface ServerOptions {
  readonly backend: Backend;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly trustedProxies?: TrustedProxies;
  /** For tests: milliseconds that a stream's reader may leave its socket full. */
  readonly streamStallMs?: number;
}

export interface RpcServer {
  /** Where it listens, `http://host:port`. */
  readonly url: string;
  /** Ends the streams, finishes the requests that are under way (SHUTDOWN_MS at most), refuses new ones. */
  close(): Promise<void>;
}

const NO_BODY = Buffer.alloc(0);

/** @throws SequencerError `configuration` if the port cannot be had */
export async function startServer(options: ServerOptions): Promise<RpcServer> {
  const stop = new AbortController();
  const server = buildServer(options, stop.signal);
  try {
    // One address: for `localhost` Fastify would open a second server, which nothing here has bounded.
    const { address: host } = await lookup(options.host);
    const url = await server.listen({ host, port: options.port });
    return {
      url,
      close: async () => {
        stop.abort();
        await closeServer(server);
      },
    };
  } catch (cause) {
    const code = (cause as { code?: string }).code;
    throw new SequencerError("configuration", `cannot listen on ${options.host}:${options.port} (${code})`, {
      cause,
      hint: "Choose another -rpcport or -rpchost, or stop what listens there",
    });
  }
}

/** Lets requests finish, but not for ever, and lets go of connections as they fall idle. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const idle = setInterval(() => server.server.closeIdleConnections(), SHUTDOWN_IDLE_MS);
  const late = setTimeout(() => server.server.closeAllConnections(), SHUTDOWN_MS);
  try {
    await server.close();
  } finally {
    clearInterval(idle);
    clearTimeout(late);
  }
}

function buildServer(options: ServerOptions, stop: AbortSignal): FastifyInstance {
  const { backend, metrics, logger, trustedProxies: proxies = new TrustedProxies([]) } = options;
  const requests = new Requests(backend);
  const posts = new Posts(requests, proxies);
  const httpOptions = {
    IncomingMessage: WholeRequest,
    // Others ask for HTTP/2 beside what they send, as Java's client does, and are content without.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket",
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  };
  const server: FastifyInstance = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // Nothing is logged of a request that would need its id: a logger of its own would cost as much as its route.
    childLoggerFactory: (parent) => parent,
    bodyLimit: REQUEST_BODY_BYTES_MAX,
    forceCloseConnections: "idle",
    serverFactory: (handler) =>
      createServer(httpOptions, (request, response) => {
        // On its way through Fastify and back a plain append would cost this thread a fifth more.
        if (!stop.aborted && posts.isPlain(request)) posts.take(request, response);
        else handler(request, response);
      }),
  }) as unknown as FastifyInstance;
  boundConnections(server.server, proxies, refusals(metrics, logger));
  // Bodies stay bytes until the JSON-RPC layer parses them: it answers with its own errors.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? statusOf(error);
    if (status === 429) reply.header("retry-after", retryAfterSeconds(error));
    return reply
      .code(status)
      .type(JSON_TYPE)
      .send(fail(null, asKnown(error, status)).body);
  });
  const openSockets = serveSockets(server.server, requests, (upgrade) => proxies.sourceOf(upgrade), stop);
  metrics.gauge("sequencer_sockets_open", "WebSockets", openSockets);
  server.register(cors, { origin: "*", methods: ["GET", "POST"], maxAge: 86_400 });
  server.register(async (routes) => {
    serveRpc(routes, posts);
    serveStaticFiles(routes, backend);
    serveStream(routes, options, stop);
    serveHealth(routes, backend, metrics);
  });
  return server;
}

/** Counts refused connections, and says so now and then. */
function refusals(metrics: Metrics, logger: Logger): (source: string) => void {
  let total = 0;
  let told = Number.NEGATIVE_INFINITY;
  metrics.gauge("sequencer_connections_refused_total", "Connections closed for being too many", () => total);
  return (source) => {
    total++;
    if (performance.now() - told < REFUSAL_NOTICE_MS) return;
    told = performance.now();
    logger.warn({ source }, "too many connections: further ones are closed");
  };
}

/** The requests that are not plain: their length is not told or too large, or the path is spelt in another way. */
function serveRpc(server: FastifyInstance, posts: Posts): void {
  server.post("/", async (request, reply) => {
    reply.hijack();
    await posts.answer((request.body as Buffer | undefined) ?? NO_BODY, request.raw, reply.raw);
  });
}

function serveStream(server: FastifyInstance, options: ServerOptions, stop: AbortSignal): void {
  const { backend, metrics, streamStallMs = STREAM_STALL_MS } = options;
  let streams = 0;
  metrics.gauge("sequencer_streams_open", "Readers of the stream", () => streams);
  // Without HEAD, which would run through the whole log: a response without a body is never full.
  server.get("/stream", { exposeHeadRoute: false }, async (request, reply) => {
    const { from = "0" } = request.query as { from?: string };
    const { size } = signedHead(backend);
    const first = parseIndex(/^\d{1,16}$/.test(from) ? Number(from) : from, "from");
    if (first > size)
      throw new SequencerError("not-found", `the log has ${size} entries`, { data: { size } });
    if (streams >= STREAMS_MAX) {
      throw new SequencerError("limit-exceeded", "too many streams are open", {
        data: { retryAfterMs: 5_000 },
      });
    }
    streams++;
    reply.hijack();
    reply.raw.setHeader("access-control-allow-origin", "*");
    reply.raw.writeHead(200, {
      "content-type": "application/x-ndjson",
      "cache-control": "no-store",
      connection: "close",
    });
    try {
      await streamLog(backend.log, first, reply.raw, streamStallMs, stop);
    } finally {
      streams--;
    }
  });
}

function serveHealth(server: FastifyInstance, backend: Backend, metrics: Metrics): void {
  server.get("/health", (_request, reply) => reply.send({ status: "alive" }));
  server.get("/ready", (_request, reply) => {
    const reason = backend.log.signed === undefined ? "starting" : backend.notReady();
    return reason === undefined
      ? reply.send({ status: "ready" })
      : reply.code(503).send({ status: "not-ready", reason });
  });
  server.get("/metrics", async (_request, reply) => {
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

/** HTTP status of our own errors where no JSON-RPC envelope carries them. */
function statusOf(error: unknown): number {
  if (!(error instanceof SequencerError)) return 500;
  const statuses: Partial<Record<SequencerError["code"], number>> = {
    "invalid-params": 400,
    "not-found": 404,
    unavailable: 503,
    "limit-exceeded": 429,
  };
  return statuses[error.code] ?? 500;
}

/** Fastify's own refusals, in our words; anything else is our bug. */
function asKnown(error: FastifyError, status: number): Error {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const data = { max: REQUEST_BODY_BYTES_MAX };
    return new SequencerError("invalid-request", `the body exceeds ${REQUEST_BODY_BYTES_MAX} bytes`, {
      data,
    });
  }
  return status < 500 && !(error instanceof SequencerError)
    ? new SequencerError("invalid-request", error.message)
    : error;
}
