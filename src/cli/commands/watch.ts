/**
 * `watch`: a watchtower by itself, with or without a copy of the log.
 */
import { join } from "node:path";
import { pino } from "pino";
import { toHex } from "../../base/bytes.ts";
import { describeError, SequencerError } from "../../base/errors.ts";
import { CHAIN_FLAGS, chainSettings } from "../chain-settings.ts";
import type { Command } from "../command.ts";
import type { Values } from "../flags.ts";
import { surviveHangUps } from "../hang-ups.ts";
import { parseHash } from "../hexadecimal.ts";
import { stopOnSignal } from "../stop-on-signal.ts";

export const watchCommand: Command = {
  usage: "watch -url URL[,…] [flags] | watch -peers MULTIADDR[,…] [flags]",
  description: `With -url it needs no copy of the log: it polls the checkpoints of these nodes or mirrors, holds each against the others and
against what it saw before, and proves a fork from the tiles of whoever serves it. With -peers it is a replica that checks
signed heads only (-verify head): it also hears gossip, and floods evidence. Both may be given.
Evidence is kept in <dbpath>/evidence before anything else. With -l2rpc and a key that pays, -chain-key FILE or
CHAIN_PRIVATE_KEY, it is submitted, also after a restart, until the stake is gone; give every watchtower a key of its own.
Without a key: sequencer evidence submit FILE.`,
  flags: {
    url: { type: "string", value: "LIST", help: "nodes or mirrors whose checkpoints are polled" },
    peers: { type: "string", value: "LIST", help: "multiaddrs of nodes to join" },
    log: { type: "string", value: "0x…", help: "the log to watch; without it, whatever is served first" },
    dbpath: {
      type: "string",
      value: "DIR",
      help: 'evidence and what was seen; "" keeps it in memory',
      default: "sequencer-watch",
    },
    ...CHAIN_FLAGS,
    p2pport: { type: "string", value: "PORT", help: "with -peers: port for peers", default: "24447" },
    rpchost: { type: "string", value: "HOST", help: "with -peers: address of the API", default: "127.0.0.1" },
    rpcport: { type: "string", value: "PORT", help: "with -peers: port of the API", default: "24446" },
    loglevel: { type: "string", value: "LEVEL", help: "debug, info, warn or error", default: "info" },
  },
  examples: [
    "sequencer watch -url https://node.example,https://mirror.example",
    "sequencer watch -url https://node.example -l2rpc https://l2.example -chain-key watch.json -reward",
  ],
  run: watch,
};

async function watch(values: Values): Promise<void> {
  const urls = values.list("url");
  const peers = values.list("peers");
  if (values.positionals.length > 0 || urls.length + peers.length === 0) {
    throw new SequencerError("usage", "watch takes -url, -peers or both");
  }
  const onRunning = stopOnSignal();
  const dbPath = values.required("dbpath");
  const log = values.text("log");
  const chain = await chainSettings(values);
  const logger = pino(
    { level: values.required("loglevel"), base: null },
    pino.destination({ dest: 2, sync: true }),
  );
  const common = {
    logger,
    ...(log !== undefined && { expectedLog: parseHash(log, "-log") }),
    ...(chain !== undefined && { chain }),
  };
  if (peers.length === 0) {
    const { startWatchNode } = await import("../../node/watch-node.ts");
    const node = await startWatchNode({ ...common, urls, ...(dbPath !== "" && { directory: dbPath }) });
    onRunning(node);
    console.log(`Watching  ${toHex(node.logId)} at ${urls.join(", ")}`);
    return;
  }
  const onFatal = (error: unknown): void => {
    logger.fatal({ err: error }, describeError(error));
    process.exit(1);
  };
  const { startReplicaNode } = await import("../../node/replica-node.ts");
  const { p2pKey } = await import("../p2p-key.ts");
  const node = await startReplicaNode({
    ...common,
    dbPath,
    ...(dbPath !== "" && { evidenceDirectory: join(dbPath, "evidence") }),
    identity: await p2pKey(dbPath, console.log),
    p2pPort: values.number("p2pport")!,
    announce: [],
    peers,
    watchUrls: urls,
    verify: "head",
    rpcHost: values.required("rpchost"),
    rpcPort: values.number("rpcport")!,
    hangUps: surviveHangUps(logger, onFatal),
    onFatal,
  });
  onRunning(node);
  console.log(
    `Watching  ${toHex(node.log.logId)} with peers${urls.length > 0 ? ` and ${urls.join(", ")}` : ""}`,
  );
  console.log(`API       ${node.url}`);
}
