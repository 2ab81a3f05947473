/**
 * How a bond begins: the contract's deployment, the operator's consent, and the stake.
 */
import { equalBytes, fromHex, isHex, toHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import { addressOfPrivateKey, recoverSigner, signDigest } from "../../base/secp256k1.ts";
import { possessionDigest } from "../../slashing/bond-calls.ts";
import type { BondTerms } from "../../slashing/bond-chain.ts";
import { bondAddress, deployBond } from "../../slashing/chain.ts";
import { type BondedLog, bondedLog } from "../bonded-log.ts";
import { confirmSending, openBondOf, payerOf, printMined, rpcUrlOf } from "../chain.ts";
import type { Values } from "../flags.ts";
import { parseAddress } from "../hexadecimal.ts";
import { signingKey } from "../keys.ts";
import { describeAmount, describeDuration, parseAmount, parseDuration } from "../units.ts";

export async function deploy(values: Values): Promise<void> {
  const rpcUrl = rpcUrlOf(values);
  const chainId = values.number("chainid", 1);
  if (chainId === undefined) throw new SequencerError("usage", "-chainid is missing");
  const terms = termsOf(values);
  const payer = await payerOf(values);
  await confirmSending(values, {
    what: "deploy the bond contract",
    chain: String(chainId),
    from: payer.address,
    contract: toHex(bondAddress(terms)),
    "minimum stake": describeAmount(terms.minimumStakeWei),
    "challenge bond": `at least ${describeAmount(terms.minimumChallengeBondWei)}`,
    "exit delay": describeDuration(terms.exitDelaySeconds),
    "evidence window": describeDuration(terms.evidenceWindowSeconds),
    "answer window": describeDuration(terms.answerWindowSeconds),
    "force inclusion": describeDuration(terms.forceInclusionSeconds),
  });
  const { bond, transaction } = await deployBond({ rpcUrl, chainId, privateKey: payer.privateKey }, terms);
  console.log(
    transaction === undefined
      ? "The contract is there already: nothing was sent."
      : `Deployed: transaction ${transaction}`,
  );
  console.log(`Bond      ${toHex(bond)}`);
  console.log(`Next: sequencer start -chainid ${chainId} -bond ${toHex(bond)} -l2rpc URL …`);
}

export async function printPossession(values: Values): Promise<void> {
  const owner = parseAddress(values.required("owner"), "owner");
  const log = await bondedLog(values);
  console.log(toHex(await possessionOf(values, log, owner)));
}

export async function register(values: Values): Promise<void> {
  const stakeWei = parseAmount(values.required("stake"), "stake");
  const payer = await payerOf(values);
  const log = await bondedLog(values);
  const { domain, genesis } = log;
  const possession = await possessionOf(values, log, fromHex(payer.address));
  const chain = await openBondOf(values, domain, payer);
  await confirmSending(values, {
    what: "register the operator and lock the stake",
    stake: describeAmount(stakeWei),
    owner: payer.address,
    operator: toHex(genesis.operator),
    log: toHex(domain.logId),
    contract: `${toHex(domain.bond)} on chain ${domain.chainId}`,
  });
  printMined("Registered", await chain.register(domain.logId, genesis.operator, possession, stakeWei));
}

async function possessionOf(
  values: Values,
  { domain, genesis }: BondedLog,
  owner: Uint8Array,
): Promise<Uint8Array> {
  const digest = possessionDigest(domain, genesis.operator, owner);
  const given = values.text("possession");
  if (given !== undefined) {
    const signature = isHex(given) && given.length === 132 ? fromHex(given) : undefined;
    const signer = signature && recoverSigner(digest, signature);
    if (signer !== undefined && equalBytes(signer, genesis.operator)) return signature!;
    throw new SequencerError(
      "verification",
      "-possession is not the operator's signature for this log and owner",
      {
        hint: `Make it with \`sequencer bond possession -owner ${toHex(owner)}\``,
      },
    );
  }
  const key = await signingKey(values);
  if (equalBytes(addressOfPrivateKey(key), genesis.operator)) return signDigest(digest, key);
  throw new SequencerError("key", `the key is not that of the log's operator ${toHex(genesis.operator)}`, {
    hint: "Set OPERATOR_PRIVATE_KEY to the operator's key, kept in <dbpath>/operator.key unless it was given",
  });
}

function termsOf(values: Values): BondTerms {
  const amount = (flag: string): bigint => parseAmount(values.required(flag), flag);
  const duration = (flag: string): number => parseDuration(values.required(flag), flag);
  return {
    minimumStakeWei: amount("minimum-stake"),
    minimumChallengeBondWei: amount("challenge-bond"),
    exitDelaySeconds: duration("exit-delay"),
    evidenceWindowSeconds: duration("evidence-window"),
    answerWindowSeconds: duration("answer-window"),
    forceInclusionSeconds: duration("force-inclusion"),
  };
}
