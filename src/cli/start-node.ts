/**
 * What `start` does: turns flags into a node's options, starts it, and says where it is.
 */
import { join } from "node:path";
import type { PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { pino } from "pino";
import { compareBytes, fromHex, isHex, isZero, toHex } from "../base/bytes.ts";
import { describeError, SequencerError } from "../base/errors.ts";
import type { ChainSettings } from "../node/bonding.ts";
import type { RunningNode } from "../node/parts.ts";
import type { PeeringOptions } from "../node/peering.ts";
import { TrustedProxies } from "../rpc/sources.ts";
import type { PrimaryStart } from "../sequencing/start-up.ts";
import { chainSettings, checkGenesisBond } from "./chain-settings.ts";
import { readGivenFile } from "./files.ts";
import type { Values } from "./flags.ts";
import { surviveHangUps } from "./hang-ups.ts";
import { parseHash } from "./hexadecimal.ts";
import { operatorKey } from "./keys.ts";
import { p2pKey } from "./p2p-key.ts";
import { stopOnSignal } from "./stop-on-signal.ts";

export async function startNode(values: Values): Promise<void> {
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
  const { startPrimaryNode } = await import("../node/primary-node.ts");
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
  const { startReplicaNode } = await import("../node/replica-node.ts");
  const { Progress } = await import("./progress.ts");
  let progress: InstanceType<typeof Progress> | undefined;
  return await startReplicaNode({
    ...common,
    ...common.peering,
    verify,
    ...(log !== undefined && log !== "" && { expectedLog: parseHash(log, "-log") }),
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
    ...(log !== undefined && log !== "" && { expectedLog: parseHash(log, "-log") }),
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

function trustedHead(text: string): { size: number; root: Uint8Array } {
  const [size, root, ...surplus] = text.split(":");
  if (surplus.length === 0 && root !== undefined && /^\d{1,16}$/.test(size!)) {
    return { size: Number(size), root: parseHash(root, "-trust-head") };
  }
  throw new SequencerError("usage", "-trust-head must be SIZE:ROOT, as in 42:0x…");
}
