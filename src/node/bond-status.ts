/**
 * The state of a bond as `sequencer_info` and `bond status -json` tell it (SPEC section 5).
 */
import { toHex } from "../base/bytes.ts";
import type { BondState } from "../slashing/bond-chain.ts";

/** JSON: money is a decimal string of wei, times are the chain's, in Unix seconds; null where there is none. */
export function describeBond(state: BondState) {
  const { anchored } = state;
  return {
    status: state.status,
    stakeWei: String(state.stakeWei),
    owner: state.status === "none" ? null : toHex(state.owner),
    exitAt: state.exitAtSeconds === 0 ? null : state.exitAtSeconds,
    openChallenges: state.openChallenges,
    anchoredSize: anchored?.size ?? 0,
    anchoredRoot: anchored === undefined ? null : toHex(anchored.root),
    anchoredAt: anchored?.atSeconds ?? null,
  };
}
