/**
 * `start`: runs a node until it is asked to stop.
 */
import { DISK_RESERVE_BYTES } from "../../base/limits.ts";
import { CHAIN_ID_DEFAULT, LIFETIME_MS_DEFAULT } from "../../sequencing/begin-log.ts";
import { CHAIN_FLAGS } from "../chain-settings.ts";
import type { Command } from "../command.ts";
import { KEY_FLAGS } from "../keys.ts";
import { GUARD_FLAG } from "../local-log.ts";

export const startCommand: Command = {
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
  run: async (values) => await (await import("../start-node.ts")).startNode(values),
};
