/**
 * The way to a chain: deploys a bond contract, or opens the one that genesis names after checking that chain, address
 * and contract are what genesis means. The only file that opens a connection to a chain; JSON-RPC with viem.
 */
import {
  concatHex,
  createPublicClient,
  encodeDeployData,
  getCreate2Address,
  http,
  type PublicClient,
} from "viem";
import { equalBytes, fromHex, type Hex, toHex } from "../base/bytes.ts";
import { checkpointDigest, type SigningDomain } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { CHAIN_RETRIES, CHAIN_TIMEOUT_MS } from "../base/limits.ts";
import { BondChain, type BondTerms } from "./bond-chain.ts";
import { asking, isUnreachable } from "./chain-error.ts";
import { contextOf } from "./evidence.ts";
import { sequencerBondAbi as abi, sequencerBondBytecode } from "./generated/sequencer-bond.ts";
import { Transactor, type TransactorOptions } from "./transactor.ts";

/**
 * The deterministic deployment proxy, at this address on nearly every chain. It creates from a salt and creation code,
 * so the address of a bond contract proves its code, its terms and what its constructor did, nothing else.
 */
const DEPLOYMENT_PROXY = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
const SALT = toHex(new Uint8Array(HASH_BYTES));

export interface ChainOptions extends TransactorOptions {
  /** Chain and bond contract as genesis names them. */
  readonly domain: SigningDomain;
  /** 32 bytes; without it only reading works. */
  readonly privateKey?: Uint8Array;
  /** What the node calls its chain, if the chain has renumbered itself since genesis. */
  readonly rpcChainId?: number;
}

/** Where the bond contract with these terms is, on every chain; whether it is there yet or not. */
export function bondAddress(terms: BondTerms): Uint8Array {
  return fromHex(getCreate2Address({ from: DEPLOYMENT_PROXY, salt: SALT, bytecode: creationCode(terms) }));
}

/**
 * Deploys the bond contract with these terms, unless it is there: the step before genesis, which names its address.
 * One contract serves all logs and operators that want its terms.
 */
export async function deployBond(
  options: TransactorOptions & { readonly chainId: number; readonly privateKey: Uint8Array },
  terms: BondTerms,
): Promise<{ readonly bond: Uint8Array; readonly transaction?: Hex }> {
  const { rpcUrl, chainId } = options;
  const client = clientOf(rpcUrl);
  await requireChainId(client, rpcUrl, chainId);
  const bond = bondAddress(terms);
  const doing = "deploy the bond contract";
  if (await hasCode(client, rpcUrl, toHex(bond))) return { bond };
  if (!(await hasCode(client, rpcUrl, DEPLOYMENT_PROXY))) {
    throw new SequencerError("chain", `chain ${chainId} lacks the deployment proxy ${DEPLOYMENT_PROXY}`, {
      hint: "Deploy it first: github.com/Arachnid/deterministic-deployment-proxy",
    });
  }
  const code = creationCode(terms);
  // The proxy hides why a constructor refuses; a creation that is only tried says it.
  await asking(doing, rpcUrl, () => client.call({ data: code }));
  const transactor = new Transactor(client, chainId, options.privateKey, options);
  const data = concatHex([SALT, code]);
  const { transactionHash } = await transactor.send({ doing, to: DEPLOYMENT_PROXY, data });
  return { bond, transaction: transactionHash };
}

/** Opens the bond of a log, after checking that chain, address and contract are what genesis means. */
export async function openBond(options: ChainOptions): Promise<BondChain> {
  const { rpcUrl, domain, privateKey } = options;
  const client = clientOf(rpcUrl);
  const chainId = options.rpcChainId ?? domain.chainId;
  await requireChainId(client, rpcUrl, chainId);
  if (!(await hasCode(client, rpcUrl, toHex(domain.bond)))) {
    throw new SequencerError("chain", `there is no contract at ${toHex(domain.bond)} on chain ${chainId}`, {
      hint: "Check the bond address in genesis, and -l2rpc",
    });
  }
  const transactor =
    privateKey === undefined ? undefined : new Transactor(client, chainId, privateKey, options);
  const bond = new BondChain(client, rpcUrl, domain.bond, transactor);
  await requireGenuine(bond, domain);
  return bond;
}

function creationCode(terms: BondTerms): Hex {
  const parameters = {
    minimumStake: terms.minimumStakeWei,
    minimumChallengeBond: terms.minimumChallengeBondWei,
    exitDelay: BigInt(terms.exitDelaySeconds),
    evidenceWindow: BigInt(terms.evidenceWindowSeconds),
    answerWindow: BigInt(terms.answerWindowSeconds),
    forceInclusion: BigInt(terms.forceInclusionSeconds),
  };
  return encodeDeployData({ abi, bytecode: sequencerBondBytecode, args: [parameters] });
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

async function hasCode(client: PublicClient, rpcUrl: string, address: Hex): Promise<boolean> {
  return (await asking("read a contract's code", rpcUrl, () => client.getCode({ address }))) !== undefined;
}

/** This version's contract, with the terms that it states, made on the chain that genesis names. */
async function requireGenuine(chain: BondChain, domain: SigningDomain): Promise<void> {
  const head = { size: 1, root: new Uint8Array(HASH_BYTES) };
  const logId = new Uint8Array(HASH_BYTES);
  try {
    const [terms, digest] = await Promise.all([chain.terms(), chain.digest(logId, head)]);
    const expected = checkpointDigest(contextOf({ ...domain, logId }), head);
    if (equalBytes(bondAddress(terms), domain.bond) && equalBytes(digest, expected)) return;
  } catch (error) {
    if (isUnreachable(error)) throw error;
  }
  throw new SequencerError("chain", `the contract at ${toHex(domain.bond)} is not a bond of this version`, {
    hint: "Check the bond address in genesis; a stake in another contract may not be slashable",
  });
}
