/**
 * A bond while it stands, and its end: status, anchors, more stake, exit and withdrawal.
 */
import { fromHex, toHex } from "../../base/bytes.ts";
import { SequencerError } from "../../base/errors.ts";
import { describeBond } from "../../node/bond-status.ts";
import type { BondChain, BondState } from "../../slashing/bond-chain.ts";
import { type BondedLog, bondedLog } from "../bonded-log.ts";
import { confirmSending, openBondOf, type Payer, payerOf, printFacts, printMined } from "../chain.ts";
import type { Values } from "../flags.ts";
import { describeAmount, describeDuration, describeTime, parseAmount } from "../units.ts";

export async function showStatus(values: Values): Promise<void> {
  const { domain, genesis } = await bondedLog(values);
  const chain = await openBondOf(values, domain);
  const state = await chain.state(domain.logId, genesis.operator);
  if (values.isSet("json")) {
    console.log(JSON.stringify(describeBond(state), null, 2));
    return;
  }
  const { anchored } = state;
  console.log(`${state.status.toUpperCase()}: the bond of log ${toHex(domain.logId)}`);
  printFacts({
    contract: `${toHex(domain.bond)} on chain ${domain.chainId}`,
    operator: toHex(genesis.operator),
    ...(state.status === "none"
      ? { next: "sequencer bond register" }
      : {
          owner: toHex(state.owner),
          stake: describeAmount(state.stakeWei),
          "can leave": state.exitAtSeconds === 0 ? "no exit requested" : describeTime(state.exitAtSeconds),
          challenges: `${state.openChallenges} open`,
          anchored:
            anchored === undefined
              ? "nothing"
              : `size ${anchored.size}, root ${toHex(anchored.root)}, ${describeTime(anchored.atSeconds)}`,
        }),
  });
}

export async function topUp(values: Values): Promise<void> {
  const stakeWei = parseAmount(values.required("stake"), "stake");
  const { chain, log } = await sending(values, "add to the stake", () => ({
    amount: describeAmount(stakeWei),
  }));
  printMined("Topped up", await chain.topUp(log.domain.logId, log.genesis.operator, stakeWei));
}

export async function anchorHead(values: Values): Promise<void> {
  const { chain, log, state } = await sending(values, "anchor the newest head", headFacts);
  if (state.anchored !== undefined && state.anchored.size >= log.head.size) {
    console.log(`Size ${state.anchored.size} is anchored already: nothing was sent.`);
    return;
  }
  printMined("Anchored", await chain.anchor(log.domain.logId, log.head));
}

export async function requestExit(values: Values): Promise<void> {
  const { chain, log } = await sending(values, "request the exit, with this as the last head", headFacts);
  const { exitDelaySeconds } = await chain.terms();
  printMined("Exit requested", await chain.requestExit(log.domain.logId, log.head));
  const { exitAtSeconds } = await chain.state(log.domain.logId, log.genesis.operator);
  console.log(
    `The stake can leave at ${describeTime(exitAtSeconds)}, after ${describeDuration(exitDelaySeconds)}.`,
  );
  console.log("Until then it stays slashable: keep the whole log, and answer challenges.");
}

export async function cancelExit(values: Values): Promise<void> {
  const { chain, log } = await sending(values, "cancel the exit", () => ({}));
  printMined("Cancelled", await chain.cancelExit(log.domain.logId, log.genesis.operator));
}

export async function withdraw(values: Values): Promise<void> {
  const { chain, log } = await sending(values, "withdraw the stake to its owner", ({ state }) => ({
    amount: describeAmount(state.stakeWei),
    to: toHex(state.owner),
  }));
  printMined("Withdrawn", await chain.withdraw(log.domain.logId, log.genesis.operator));
}

export async function claimOwed(values: Values): Promise<void> {
  const payer = await payerOf(values);
  const { domain } = await bondedLog(values);
  const chain = await openBondOf(values, domain, payer);
  const owedWei = await chain.owed(fromHex(payer.address));
  if (owedWei === 0n) {
    console.log(`The contract owes ${payer.address} nothing: nothing was sent.`);
    return;
  }
  await confirmSending(values, {
    what: "claim what the contract owes",
    amount: describeAmount(owedWei),
    to: payer.address,
  });
  printMined("Claimed", await chain.claim(fromHex(payer.address)));
}

interface Sending {
  readonly payer: Payer;
  readonly log: BondedLog;
  readonly state: BondState;
  readonly chain: BondChain;
}

/** What every action on a bond begins with: log, chain, state, and consent. */
async function sending(
  values: Values,
  what: string,
  facts: (about: Omit<Sending, "chain">) => Record<string, string>,
): Promise<Sending> {
  const payer = await payerOf(values);
  const log = await bondedLog(values);
  const { domain, genesis } = log;
  const chain = await openBondOf(values, domain, payer);
  const state = await chain.state(domain.logId, genesis.operator);
  if (state.status === "none") {
    throw new SequencerError("chain", `no bond is registered for the operator ${toHex(genesis.operator)}`, {
      hint: "Register it first: `sequencer bond register`",
    });
  }
  await confirmSending(values, {
    what,
    from: payer.address,
    log: toHex(domain.logId),
    contract: `${toHex(domain.bond)} on chain ${domain.chainId}`,
    ...facts({ payer, log, state }),
  });
  return { payer, log, state, chain };
}

function headFacts({ log }: Pick<Sending, "log">): Record<string, string> {
  return { head: `size ${log.head.size}, root ${toHex(log.head.root)}` };
}
