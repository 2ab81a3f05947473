/**
 * A watchtower without a copy of the log: it needs nothing but the URLs of its servers, compares their checkpoints, and
 * proves a fork from the tiles of whoever serves it.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { equalBytes, toHex } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { Transport } from "../client/transport.ts";
import { VerifiedLog } from "../client/verified-log.ts";
import { CheckpointVerifier, type SignedHead } from "../log/checkpoint.ts";
import type { ChainSettings } from "./bonding.ts";
import { domainOf, EvidenceKeeper } from "./evidence-keeper.ts";
import { HeadWatch, serverSource } from "./head-watch.ts";
import { type Closer, startBonding, startOrClose } from "./parts.ts";

export interface WatchNodeOptions {
  readonly urls: readonly string[];
  /** The log to watch; without it, the one that the first server serves. */
  readonly expectedLog?: Uint8Array;
  /** Where evidence and the newest head are kept; undefined keeps them in memory. */
  readonly directory?: string;
  readonly chain?: ChainSettings;
  readonly logger: Logger;
  readonly pollMs?: number;
}

export interface WatchNode {
  readonly logId: Uint8Array;
  /** Kinds of evidence that are held. */
  readonly evidence: () => readonly string[];
  close(): Promise<void>;
}

/** @throws SequencerError if no server tells genesis, or the chain is not what genesis means */
export async function startWatchNode(options: WatchNodeOptions): Promise<WatchNode> {
  return await startOrClose((closers) => run(options, closers));
}

async function run(options: WatchNodeOptions, closers: Closer[]): Promise<Omit<WatchNode, "close">> {
  const { urls, directory, logger, pollMs } = options;
  const log = await openAny(options);
  const { genesis, logId, context } = log;
  const checkpoints = new CheckpointVerifier(genesis, context);
  const evidence = new EvidenceKeeper(log, directory && join(directory, "evidence"), logger);
  const known = directory && readHead(directory, checkpoints);
  await startBonding(options, { subject: { logId, genesis }, evidence, logger }, closers);
  const heads = new HeadWatch({
    domain: domainOf(log),
    sources: urls.map((url) => serverSource(url, checkpoints)),
    onEvidence: (found) => evidence.keep(found),
    logger,
    ...(pollMs !== undefined && { pollMs }),
    ...(known && { known }),
    ...(directory && { onMeasure: (head: SignedHead) => writeHead(directory, head) }),
  });
  heads.start();
  closers.push(() => heads.stop());
  return { logId, evidence: () => evidence.kinds };
}

/** Genesis from the first server that answers. */
async function openAny({ urls, expectedLog }: WatchNodeOptions): Promise<VerifiedLog> {
  let failure: unknown;
  for (const url of urls) {
    try {
      const log = await VerifiedLog.open(new Transport(url), {});
      if (expectedLog === undefined || equalBytes(log.logId, expectedLog)) return log;
      throw new SequencerError("verification", `${url} serves log ${toHex(log.logId)}, not the one of -log`);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const HEAD_FILE = "newest-checkpoint";

function readHead(directory: string, checkpoints: CheckpointVerifier): SignedHead | undefined {
  try {
    return checkpoints.open(readFileSync(join(directory, HEAD_FILE), "utf8"));
  } catch {
    return undefined; // None was seen yet.
  }
}

function writeHead(directory: string, { note }: SignedHead): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, HEAD_FILE);
  writeFileSync(`${path}.new`, note, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
