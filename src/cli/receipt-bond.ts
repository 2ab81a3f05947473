/**
 * What stands behind a valid receipt: a stake that equivocation would cost, or had cost while it was there.
 */
import { fromHex, isZero, toHex } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { parseProofAnswer } from "../client/answers.ts";
import type { VerifiedReceipt } from "../client/receipt.ts";
import { Transport } from "../client/transport.ts";
import { verifyConsistency } from "../log/proof.ts";
import type { BondState } from "../slashing/bond-chain.ts";
import { openBondOf } from "./chain.ts";
import type { Values } from "./flags.ts";
import { describeAmount, describeTime } from "./units.ts";

/**
 * One line for people, beginning with the verdict. Bonded: the receipt's head is of the same history as a head that
 * the chain noted while the stake was there, and the entry lies under it. Unanchored: the stake is there, but once it
 * has left, nothing will show that the head was signed before. Unbonded: nobody loses anything.
 */
export async function bondVerdict(values: Values, receipt: VerifiedReceipt): Promise<string> {
  const { genesis, logId } = receipt;
  if (isZero(genesis.bond)) return "UNBONDED: the log's genesis names no bond";
  if (values.text("l2rpc") === undefined) {
    return `open: whether a stake stands behind it; ask with -l2rpc of chain ${genesis.chainId}`;
  }
  const domain = { chainId: genesis.chainId, bond: genesis.bond, logId: fromHex(logId, HASH_BYTES) };
  const state = await (await openBondOf(values, domain)).state(domain.logId, genesis.operator);
  const { status, stakeWei, anchored } = state;
  if (status === "none") return "UNBONDED: the operator never registered a stake";
  if (status === "slashed") return "UNBONDED: the operator was slashed for equivocation";
  const standing =
    status === "withdrawn" ? "the stake has left" : `${status} with ${describeAmount(stakeWei)}`;
  const anchor = anchored === undefined ? undefined : await coveredBy(anchored, values, receipt);
  if (anchor === true) {
    return `BONDED: ${standing}; anchored at size ${anchored!.size} on ${describeTime(anchored!.atSeconds)}`;
  }
  const missing =
    anchor === undefined
      ? "no anchored head covers it"
      : `whether the anchored head of size ${anchored!.size} covers it needs a node: pass -url`;
  return `${status === "withdrawn" ? "UNBONDED" : "UNANCHORED"}: ${standing}; ${missing}`;
}

/** True if the entry lies under the anchored head; undefined if it does not, false if only a node could tell. */
async function coveredBy(
  anchored: NonNullable<BondState["anchored"]>,
  values: Values,
  { sequence, head }: VerifiedReceipt,
): Promise<boolean | undefined> {
  if (sequence >= anchored.size) return undefined;
  if (head.size === anchored.size) return toHex(head.root) === toHex(anchored.root) ? true : undefined;
  const url = values.text("url");
  if (url === undefined) return false;
  const [from, to] = head.size < anchored.size ? [head, anchored] : [anchored, head];
  const proof = parseProofAnswer(
    await new Transport(url).call("sequencer_consistency", [from.size, to.size]),
  );
  return verifyConsistency(from.size, to.size, from.root, to.root, proof) ? true : undefined;
}
