/** A fresh chain with the bond deployed, and accounts on it. */
import type { BondChain } from "../../src/slashing/bond-chain.ts";
import { deployBond, openBond } from "../../src/slashing/chain.ts";
import { BondedLog, domainOf, TERMS } from "./bonded-log.ts";
import { startAnvil } from "./foundry.ts";

const CHAIN_ID = 31337;

export type BondNetwork = Awaited<ReturnType<typeof startBondNetwork>>;

/** @param args of anvil */
export async function startBondNetwork(...args: readonly string[]) {
  const anvil = await startAnvil(...args);
  const { rpcUrl } = anvil;
  const deployer = await anvil.fund(new Uint8Array(32).fill(1));
  const { bond } = await deployBond({ rpcUrl, pollMs: 10, chainId: CHAIN_ID, privateKey: deployer }, TERMS);
  return {
    anvil,
    rpcUrl,
    bond,
    domain: { chainId: CHAIN_ID, bond },
    /** The bond through the eyes of a funded account of its own. */
    async as(number: number, options: { readonly receiptTimeoutMs?: number } = {}): Promise<BondChain> {
      const privateKey = await anvil.fund(new Uint8Array(32).fill(number));
      return openBond({ rpcUrl, pollMs: 10, domain: { chainId: CHAIN_ID, bond }, privateKey, ...options });
    },
    log(name: string, operatorKey = new Uint8Array(32).fill(0x3f)): BondedLog {
      return new BondedLog(domainOf(name, CHAIN_ID, bond), operatorKey);
    },
    /** Chain time of the newest block. */
    async nowSeconds(): Promise<number> {
      return Number((await anvil.client.getBlock()).timestamp);
    },
    stop: anvil.stop,
  };
}
