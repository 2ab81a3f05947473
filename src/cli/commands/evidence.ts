/**
 * `evidence`: checks an evidence file offline, and brings it to the chain.
 */
import { toHex } from "../../base/bytes.ts";
import { checkpointDigest } from "../../base/eip712.ts";
import { SequencerError } from "../../base/errors.ts";
import { recoverSigner } from "../../base/secp256k1.ts";
import type { BondChain } from "../../slashing/bond-chain.ts";
import { contextOf, type Evidence, signerOf, verifyEvidence } from "../../slashing/evidence.ts";
import { parseEvidence } from "../../slashing/evidence-file.ts";
import { type ChallengeOutcome, pressChallenge } from "../../slashing/press-challenge.ts";
import { rewardSecretOf, slashWithEvidence } from "../../slashing/slasher.ts";
import { confirmSending, openBondOf, payerOf, printFacts, SENDING_FLAGS } from "../chain.ts";
import type { Command } from "../command.ts";
import { readGivenFile } from "../files.ts";
import type { Values } from "../flags.ts";
import { parseAddress } from "../hexadecimal.ts";
import { describeAmount } from "../units.ts";

const CHALLENGE_LINES: Readonly<Record<ChallengeOutcome, string>> = {
  opened:
    "CHALLENGED: submit the file again after the answer window; if nobody has answered, the stake is slashed.",
  open: "OPEN: the answer window has not passed; submit the file again after it.",
  answered: "ANSWERED: somebody proved that one checkpoint extends the other; this is no evidence.",
  slashed: "SLASHED: nobody answered in time.",
};

export const evidenceCommand: Command = {
  usage: "evidence verify [-operator 0x…] FILE | evidence submit -l2rpc URL [-reward] FILE",
  description: `\`verify\` needs no network: it checks that one key signed two checkpoints that cannot both be true. Whether that key is the
operator of the log, -operator says (several where the bond's signer was rotated), or -l2rpc: then the chain is asked what
stake stands behind it. \`submit\` slashes the whole stake. With -reward it commits first, waits a minute, and is owed 5 %;
without, it slashes at once, unpaid. Submitting what somebody else has submitted already is no failure, and costs nothing.
Evidence of the kind unanswered-challenge proves nothing yet: submitting it opens a bonded challenge, and submitting it again
after the answer window slashes an operator that did not answer.`,
  flags: {
    ...SENDING_FLAGS,
    operator: { type: "string", value: "LIST", help: "verify: addresses that may have signed" },
    reward: { type: "boolean", help: "submit: commit first and be owed 5 %" },
  },
  examples: [
    "sequencer evidence verify -operator 0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a tmp/db2/evidence/same-size-….json",
    "sequencer evidence submit -l2rpc https://l2.example -chain-key reporter.json tmp/db2/evidence/same-size-….json",
  ],
  run: async (values) => {
    const [action, file, ...surplus] = values.positionals;
    if ((action !== "verify" && action !== "submit") || file === undefined || surplus.length > 0) {
      throw new SequencerError("usage", "expected `evidence verify FILE` or `evidence submit FILE`");
    }
    const evidence = parseEvidence(new TextDecoder().decode(readGivenFile(file)));
    await (action === "verify" ? verify(values, evidence) : submit(values, evidence));
  },
};

async function verify(values: Values, evidence: Evidence): Promise<void> {
  const known = values.list("operator").map((text) => parseAddress(text, "operator"));
  const chain = values.text("l2rpc") === undefined ? undefined : await openBondOf(values, evidence.log);
  const stake = chain === undefined ? undefined : await stakeBehind(chain, evidence);
  const signers = known.length > 0 ? known : (stake?.signers ?? [signerOf(evidence)]);
  verifyEvidence(evidence, signers);
  const proves = evidence.kind === "unanswered-challenge" ? "WELL-FORMED" : "VALID";
  console.log(`${proves}: evidence of the kind ${evidence.kind}`);
  printFacts({
    ...statements(evidence),
    signer: toHex(signerOf(evidence)),
    ...(stake !== undefined && { bond: `${stake.status}, ${describeAmount(stake.stakeWei)}` }),
  });
  if (evidence.kind === "unanswered-challenge") {
    console.log(
      "It proves nothing by itself: submitting it asks the operator to prove that one extends the other.",
    );
  }
  if (known.length === 0 && stake === undefined) {
    console.log(
      "Open: whether the signer is this log's operator, and has a stake. -operator or -l2rpc tells.",
    );
  }
}

/** The bond that both signers stand under. @throws SequencerError `verification` if there is none */
async function stakeBehind(chain: BondChain, evidence: Evidence) {
  const context = contextOf(evidence.log);
  const signers = evidence.heads.map((head) =>
    recoverSigner(checkpointDigest(context, head), head.signature),
  );
  const states = await Promise.all(
    signers.map(async (signer) => signer && (await chain.state(evidence.log.logId, signer))),
  );
  const [one, other] = states;
  if (
    one === undefined ||
    other === undefined ||
    one.status === "none" ||
    toHex(one.operator) !== toHex(other.operator)
  ) {
    throw new SequencerError(
      "verification",
      "not evidence: no bond of this log stands behind both signatures",
    );
  }
  return { ...one, signers: signers.flatMap((signer) => signer ?? []) };
}

async function submit(values: Values, evidence: Evidence): Promise<void> {
  const payer = await payerOf(values);
  const chain = await openBondOf(values, evidence.log, payer);
  const { signers, status, stakeWei } = await stakeBehind(chain, evidence);
  verifyEvidence(evidence, signers);
  if (status === "slashed") {
    console.log("ALREADY SLASHED: the stake is gone; nothing was sent.");
    return;
  }
  if (status === "withdrawn") {
    throw new SequencerError("chain", "the stake was withdrawn: nothing is left to slash");
  }
  const isQuestion = evidence.kind === "unanswered-challenge";
  await confirmSending(values, {
    what: isQuestion
      ? "challenge the operator, with a bond that returns if nobody answers"
      : "slash the whole stake",
    stake: describeAmount(stakeWei),
    ...statements(evidence),
    from: payer.address,
    contract: `${toHex(evidence.log.bond)} on chain ${evidence.log.chainId}`,
  });
  if (evidence.kind === "unanswered-challenge") {
    console.log(CHALLENGE_LINES[await pressChallenge(chain, evidence)]);
    return;
  }
  const { outcome, transaction } = await slashWithEvidence(
    chain,
    evidence,
    values.isSet("reward") ? { rewardSecret: rewardSecretOf(payer.privateKey) } : {},
  );
  console.log(
    outcome === "slashed"
      ? `SLASHED: transaction ${transaction}`
      : "ALREADY SLASHED: somebody else was faster; the stake is gone.",
  );
}

function statements({ log, heads }: Evidence): Record<string, string> {
  const [a, b] = heads.map(({ size, root }) => `size ${size}, root ${toHex(root)}`);
  return { log: toHex(log.logId), "checkpoint a": a!, "checkpoint b": b! };
}
