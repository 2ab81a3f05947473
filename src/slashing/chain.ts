/**
 * The way to a chain: deploys a bond contract, or opens the one that genesis names after checking that chain, address
 * and code are what genesis means. The only file that opens a connection to a chain; JSON-RPC with viem.
 */
import { createPublicClient, encodeDeployData, http, keccak256, type PublicClient } from "viem";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { checkpointDigest, type SigningDomain } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { CHAIN_RETRIES, CHAIN_TIMEOUT_MS } from "../base/limits.ts";
import { BondChain, type BondTerms } from "./bond-chain.ts";
import { asking } from "./chain-error.ts";
import { contextOf } from "./evidence.ts";
import {
  sequencerBondAbi as abi,
  sequencerBondBytecode,
  sequencerBondCodeHash,
  sequencerBondImmutables,
} from "./generated/sequencer-bond.ts";
import { Transactor, type TransactorOptions } from "./transactor.ts";

const DAY_SECONDS = 86_400;
/** The contract's constants MARGIN, WINDOW_MIN and EXIT_DELAY_MAX. */
const MARGIN_SECONDS = DAY_SECONDS;
const WINDOW_SECONDS_MIN = 7 * DAY_SECONDS;
const EXIT_DELAY_SECONDS_MAX = 365 * DAY_SECONDS;

export interface ChainOptions extends TransactorOptions {
  /** Chain and bond contract as genesis names them. */
  readonly domain: SigningDomain;
  /** 32 bytes; without it only reading works. */
  readonly privateKey?: Uint8Array;
  /** What the node calls its chain, if the chain has renumbered itself since genesis. */
  readonly rpcChainId?: number;
}

/** Deploys a bond contract: the step before genesis, which names its address. */
export async function deployBond(
  options: TransactorOptions & { readonly chainId: number; readonly privateKey: Uint8Array },
  terms: BondTerms,
): Promise<{ readonly bond: Uint8Array; readonly transaction: Hex }> {
  const client = clientOf(options.rpcUrl);
  await requireChainId(client, options.rpcUrl, options.chainId);
  const parameters = {
    minimumStake: terms.minimumStakeWei,
    minimumChallengeBond: terms.minimumChallengeBondWei,
    exitDelay: BigInt(terms.exitDelaySeconds),
    evidenceWindow: BigInt(terms.evidenceWindowSeconds),
    answerWindow: BigInt(terms.answerWindowSeconds),
    forceInclusion: BigInt(terms.forceInclusionSeconds),
  };
  const data = encodeDeployData({ abi, bytecode: sequencerBondBytecode, args: [parameters] });
  const transactor = new Transactor(client, options.chainId, options.privateKey, options);
  const { contractAddress, transactionHash } = await transactor.send({
    doing: "deploy the bond contract",
    data,
  });
  return { bond: fromHex(contractAddress), transaction: transactionHash };
}

/** Opens the bond of a log, after checking that chain, address and code are what genesis means. */
export async function openBond(options: ChainOptions): Promise<BondChain> {
  const { rpcUrl, domain, privateKey } = options;
  const client = clientOf(rpcUrl);
  const chainId = options.rpcChainId ?? domain.chainId;
  await requireChainId(client, rpcUrl, chainId);
  await requireContract(client, rpcUrl, domain);
  const transactor =
    privateKey === undefined ? undefined : new Transactor(client, chainId, privateKey, options);
  const bond = new BondChain(client, rpcUrl, domain.bond, transactor);
  if (!isSafe(await bond.terms())) throw impostor(domain);
  return bond;
}

function clientOf(rpcUrl: string): PublicClient {
  return createPublicClient({
    transport: http(rpcUrl, { timeout: CHAIN_TIMEOUT_MS, retryCount: CHAIN_RETRIES }),
  });
}

async function requireChainId(client: PublicClient, rpcUrl: string, expected: number): Promise<void> {
  const actual = await asking("ask for the chain id", rpcUrl, () => client.getChainId());
  if (actual !== expected) {
    throw new SequencerError("chain", `the node is on chain ${actual}, the log's bond on chain ${expected}`, {
      hint: "Check -l2rpc",
      data: { actual, expected },
    });
  }
}

/**
 * The code at the bond's address is the contract of this version, and it hashes heads as the log does. Immutables are
 * blanked before the code is compared, so what they say is checked apart: code can be put in place with any.
 */
async function requireContract(client: PublicClient, rpcUrl: string, domain: SigningDomain): Promise<void> {
  const address = toHex(domain.bond);
  const code = await asking("read the bond's code", rpcUrl, () => client.getCode({ address }));
  if (code === undefined) {
    throw new SequencerError("chain", `there is no contract at ${address} on chain ${domain.chainId}`, {
      hint: "Check the bond address in genesis, and -l2rpc",
    });
  }
  const blank = fromHex(code);
  for (const [start, length] of sequencerBondImmutables) blank.fill(0, start, start + length);
  if (keccak256(blank) !== sequencerBondCodeHash) throw impostor(domain);
  const zero = new Uint8Array(HASH_BYTES);
  const expected = checkpointDigest(contextOf({ ...domain, logId: zero }), { size: 1, root: zero });
  const digest = await asking("read the bond's domain", rpcUrl, () =>
    client.readContract({ abi, address, functionName: "digest", args: [toHex(zero), 1n, toHex(zero)] }),
  );
  if (digest !== toHex(expected)) throw impostor(domain);
}

/** What the constructor demands of its terms. */
function isSafe(terms: BondTerms): boolean {
  const { answerWindowSeconds, evidenceWindowSeconds, exitDelaySeconds, forceInclusionSeconds } = terms;
  const inclusionSeconds = forceInclusionSeconds + MARGIN_SECONDS;
  return (
    terms.minimumStakeWei > 0n &&
    terms.minimumChallengeBondWei > 0n &&
    evidenceWindowSeconds >= WINDOW_SECONDS_MIN &&
    answerWindowSeconds >= WINDOW_SECONDS_MIN &&
    answerWindowSeconds > inclusionSeconds &&
    exitDelaySeconds <= EXIT_DELAY_SECONDS_MAX &&
    exitDelaySeconds >= evidenceWindowSeconds + answerWindowSeconds &&
    exitDelaySeconds > evidenceWindowSeconds + inclusionSeconds
  );
}

function impostor({ bond }: SigningDomain): SequencerError {
  return new SequencerError("chain", `the contract at ${toHex(bond)} is not this version's SequencerBond`, {
    hint: "Check the bond address in genesis; a stake in another contract may not be slashable",
  });
}
