/**
 * `start`: runs a node until it is asked to stop.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import type { PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { pino } from "pino";
import { compareBytes, fromHex, isHex, isZero, toHex } from "../../base/bytes.ts";
import { describeError, SequencerError } from "../../base/errors.ts";
import { HASH_BYTES } from "../../base/hash.ts";
import { DISK_RESERVE_BYTES } from "../../base/limits.ts";
import type { ChainSettings } from "../../node/bonding.ts";
import type { RunningNode } from "../../node/parts.ts";
import type { PeeringOptions } from "../../node/peering.ts";
import { startPrimaryNode } from "../../node/primary-node.ts";
import { startReplicaNode } from "../../node/replica-node.ts";
import { TrustedProxies } from "../../rpc/sources.ts";
import { CHAIN_ID_DEFAULT, LIFETIME_MS_DEFAULT } from "../../sequencing/begin-log.ts";
import type { PrimaryStart } from "../../sequencing/start-up.ts";
import { CHAIN_FLAGS, chainSettings, checkGenesisBond } from "../chain-settings.ts";
import type { Command } from "../command.ts";
import { readGivenFile } from "../files.ts";
import type { Flags, Values } from "../flags.ts";
import { surviveHangUps } from "../hang-ups.ts";
import { KEY_FLAGS, operatorKey, p2pKey } from "../keys.ts";
import { Progress } from "../progress.ts";
import { stopOnSignal } from "../stop-on-signal.ts";

export const GUARD_FLAG: Flags = {
  guard: {
    type: "string",
    value: "DIR",
    help: "directory of the sign guards, away from the database",
    default: join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "sequencer"),
  },
};

export const startCommand: Command = {
  name: "start",
  summary: "Run a node",
  usage: "start -dbpath DIR -mode primary|replica [flags]",
  description: `A primary orders and signs. Its first start writes the log's genesis: operator, first admins and writers, chain and bond never
change afterwards. The sign guard keeps it from ever signing two histories: leave it where it is, and never copy it back.
A replica mirrors the log of the peers it is given, verifies everything, serves reads, and forwards appends to the primary.
The P2P identity comes from PRIVATE_KEY, the operator's key from OPERATOR_PRIVATE_KEY or -key; what is missing is made on
the first start and kept beside the database.
With -l2rpc a node knows the bond: it checks chain and contract, and shows the stake in \`sequencer info\`. With a key that pays
(-chain-key FILE or CHAIN_PRIVATE_KEY, one of its own for each node) it answers challenges and anchors heads, and a replica that
catches the operator signing two histories submits the evidence by itself, once the chain can be reached.`,
  flags: {
    dbpath: {
      type: "string",
      value: "DIR",
      help: 'database; "" keeps everything in memory',
      default: "sequencer-data",
    },
    mode: { type: "string", value: "MODE", help: "primary or replica", default: "primary" },
    peers: { type: "string", value: "LIST", help: "multiaddrs of peers that are always wanted", default: "" },
    p2pport: { type: "string", value: "PORT", help: "port for peers", default: "24445" },
    announce: {
      type: "string",
      value: "LIST",
      help: "multiaddrs to tell others instead of those of the interfaces",
    },
    verify: {
      type: "string",
      value: "HOW",
      help: "replica: full, or head for small machines",
      default: "full",
    },
    rpchost: { type: "string", value: "HOST", help: "address of the API", default: "127.0.0.1" },
    rpcport: { type: "string", value: "PORT", help: "port of the API", default: "24444" },
    "trust-proxy": {
      type: "string",
      value: "LIST",
      help: "addresses or networks of proxies before the API, whose X-Forwarded-For is believed",
    },
    ...KEY_FLAGS,
    ...GUARD_FLAG,
    log: { type: "string", value: "0x…", help: "serve this log and no other; forbids genesis" },
    origin: { type: "string", value: "NAME", help: "genesis: the log's name in checkpoints" },
    chainid: { type: "string", value: "N", help: `genesis: chain of the bond (default ${CHAIN_ID_DEFAULT})` },
    bond: { type: "string", value: "0x…", help: "genesis: bond contract (default none: unbonded)" },
    admins: {
      type: "string",
      value: "LIST",
      help: "genesis: addresses, or a file with one a line (default the operator)",
    },
    writers: { type: "string", value: "LIST", help: "genesis: addresses, or a file with one a line" },
    lifetime: {
      type: "string",
      value: "MS",
      help: `genesis: longest life of a transaction (default ${LIFETIME_MS_DEFAULT})`,
    },
    "new-log": { type: "boolean", help: "begin another log though this operator has one" },
    "recover-guard": { type: "boolean", help: "replace a lost sign guard by -trust-head" },
    "trust-head": { type: "string", value: "SIZE:ROOT", help: "the newest head that anybody holds" },
    solo: { type: "boolean", help: "bonded: sign though no peer was asked" },
    ...CHAIN_FLAGS,
    watch: {
      type: "string",
      value: "LIST",
      help: "URLs of other nodes, whose checkpoints are held against ours",
    },
    "accept-time": { type: "boolean", help: "go on though the last entry is more than a day old" },
    idindex: { type: "boolean", help: "index all ids for ever, not only those of two lifetimes" },
    "disk-reserve": {
      type: "string",
      value: "BYTES",
      help: "free space to keep",
      default: String(DISK_RESERVE_BYTES),
    },
    verifier: { type: "string", value: "HOW", help: "auto, fma, simd or native", default: "auto" },
    workers: { type: "string", value: "N", help: "verification threads (default one a processor)" },
    loglevel: { type: "string", value: "LEVEL", help: "debug, info, warn or error", default: "info" },
  },
  examples: [
    "sequencer start -dbpath tmp/db -mode primary",
    "sequencer start -dbpath tmp/db -writers 0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a",
    'sequencer start -dbpath "" -rpcport 49000',
  ],
  run: startNode,
};

async function startNode(values: Values): Promise<void> {
  if (values.positionals.length > 0) throw new SequencerError("usage", "start takes flags only");
  const mode = values.required("mode");
  if (mode !== "primary" && mode !== "replica")
    throw new SequencerError("usage", "-mode must be primary or replica");
  const onRunning = stopOnSignal();
  const dbPath = values.required("dbpath");
  const identity = await p2pKey(dbPath, console.log);
  if (mode === "primary") await checkGenesisBond(values, dbPath);
  const chain = await chainSettings(values);
  const common = { ...commonOptions(values, dbPath, identity), ...(chain !== undefined && { chain }) };
  const node =
    mode === "primary" ? await startPrimaryWith(values, common) : await startReplicaWith(values, common);
  onRunning(node);
  announce(node, mode, peerIdFromPrivateKey(identity).toString(), values);
}

function commonOptions(values: Values, dbPath: string, identity: PrivateKey) {
  const logger = pino(
    { level: values.required("loglevel"), base: null },
    pino.destination({ dest: 2, sync: true }),
  );
  const evidenceDirectory = dbPath === "" ? {} : { evidenceDirectory: join(dbPath, "evidence") };
  const onFatal = (error: unknown): void => {
    logger.fatal({ err: error }, describeError(error));
    process.exit(1);
  };
  const peering: PeeringOptions = {
    identity,
    p2pPort: values.number("p2pport")!,
    peers: values.list("peers"),
    announce: values.list("announce"),
    hangUps: surviveHangUps(logger, onFatal),
  };
  return {
    dbPath,
    idIndex: values.isSet("idindex"),
    rpcHost: values.required("rpchost"),
    rpcPort: values.number("rpcport")!,
    trustedProxies: new TrustedProxies(values.list("trust-proxy")),
    ...(values.text("workers") !== undefined && { verifyWorkers: values.number("workers", 1)! }),
    verifierVariant: verifierVariant(values.required("verifier")),
    ...evidenceDirectory,
    watchUrls: values.list("watch"),
    peering,
    logger,
    onFatal,
  };
}

function verifierVariant(name: string): "auto" | "fma" | "simd" | "native" {
  if (name === "auto" || name === "fma" || name === "simd" || name === "native") return name;
  throw new SequencerError("usage", "-verifier must be auto, fma, simd or native");
}

type CommonOptions = ReturnType<typeof commonOptions> & { readonly chain?: ChainSettings };

async function startPrimaryWith(values: Values, common: CommonOptions): Promise<RunningNode> {
  return await startPrimaryNode({
    ...common,
    guardDirectory: common.dbPath === "" ? undefined : values.required("guard"),
    operatorKey: await operatorKey(values, common.dbPath, console.log),
    genesis: genesisWish(values),
    ...startFlags(values),
    diskReserveBytes: values.number("disk-reserve")!,
  });
}

async function startReplicaWith(values: Values, common: CommonOptions): Promise<RunningNode> {
  const verify = values.required("verify");
  if (verify !== "full" && verify !== "head")
    throw new SequencerError("usage", "-verify must be full or head");
  const log = values.text("log");
  let progress: Progress | undefined;
  return await startReplicaNode({
    ...common,
    ...common.peering,
    verify,
    ...(log !== undefined && log !== "" && { expectedLog: hash(log, "-log") }),
    onProgress: (stored, target) => {
      progress ??= new Progress("Catching up", target);
      progress.reach(stored, target);
      if (stored < target) return;
      progress.end();
      progress = undefined;
    },
  });
}

function genesisWish(values: Values): PrimaryStart["genesis"] {
  const text = (name: string): string | undefined => values.text(name);
  return {
    ...(text("origin") !== undefined && { origin: values.required("origin") }),
    ...(text("chainid") !== undefined && { chainId: values.number("chainid")! }),
    ...(text("bond") !== undefined && { bond: address(values.required("bond")) }),
    ...(text("lifetime") !== undefined && { maxTransactionLifetimeMs: values.number("lifetime")! }),
    ...(text("admins") !== undefined && { admins: addresses(values, "admins") }),
    ...(text("writers") !== undefined && { writers: addresses(values, "writers") }),
  };
}

function startFlags(values: Values): Partial<PrimaryStart> {
  const log = values.text("log");
  const trusted = values.text("trust-head");
  if (values.isSet("recover-guard") !== (trusted !== undefined)) {
    throw new SequencerError("usage", "-recover-guard and -trust-head SIZE:ROOT go together");
  }
  return {
    ...(log !== undefined && log !== "" && { expectedLog: hash(log, "-log") }),
    ...(trusted !== undefined && { trustedHead: trustedHead(trusted) }),
    newLog: values.isSet("new-log"),
    solo: values.isSet("solo"),
    acceptTime: values.isSet("accept-time"),
  };
}

function announce(node: RunningNode, mode: string, peerId: string, values: Values): void {
  const { genesis, logId, signed } = node.log;
  if (values.required("dbpath") === "") console.log("The log is kept in memory: it ends with this process.");
  if (isZero(genesis.bond))
    console.log("UNBONDED: no stake stands behind this log; equivocation would go unpunished.");
  if (mode === "primary" && genesis.admins.some((admin) => toHex(admin) === toHex(genesis.operator))) {
    console.log(
      "Warning: the operator is an admin too; one stolen key would be both. Pass -admins to part them.",
    );
  }
  console.log(`Log       ${toHex(logId)} (${genesis.origin})`);
  console.log(`Size      ${signed?.size ?? "0, catching up"}`);
  console.log(`Operator  ${toHex(genesis.operator)}`);
  const address = node.multiaddrs.find((one) => !one.includes("127.0.0.1")) ?? node.multiaddrs[0];
  console.log(`Peer id   ${peerId}`);
  console.log(`P2P multiaddr: ${address}`);
  console.log(`API       ${node.url}`);
  if (mode === "replica") return;
  console.log("A replica on another machine:");
  console.log(`  sequencer start -dbpath tmp/db2 -mode replica -log ${toHex(logId)} -peers ${address}`);
}

function addresses(values: Values, flag: string): Uint8Array[] {
  const given = values.list(flag);
  const [only] = given;
  const texts =
    given.length === 1 && !isHex(only)
      ? new TextDecoder()
          .decode(readGivenFile(only!))
          .split(/[\s,]+/)
          .filter(Boolean)
      : given;
  return texts.map(address).sort(compareBytes);
}

function address(text: string): Uint8Array {
  if (isHex(text) && text.length === 42) return fromHex(text);
  throw new SequencerError("usage", `"${text}" is not an address: 0x and 40 hexadecimal digits`);
}

export function hash(text: string, flag: string): Uint8Array {
  if (isHex(text) && text.length === 2 + 2 * HASH_BYTES) return fromHex(text);
  throw new SequencerError("usage", `${flag} needs 0x and 64 hexadecimal digits`);
}

function trustedHead(text: string): { size: number; root: Uint8Array } {
  const [size, root, ...surplus] = text.split(":");
  if (surplus.length === 0 && root !== undefined && /^\d{1,16}$/.test(size!)) {
    return { size: Number(size), root: hash(root, "-trust-head") };
  }
  throw new SequencerError("usage", "-trust-head must be SIZE:ROOT, as in 42:0x…");
}
