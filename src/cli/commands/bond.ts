/**
 * `bond`: what an operator and the owner of its stake do on the chain, from deployment to withdrawal.
 */
import { SequencerError } from "../../base/errors.ts";
import { LOG_FLAGS } from "../bonded-log.ts";
import { SENDING_FLAGS } from "../chain.ts";
import type { Command } from "../command.ts";
import type { Values } from "../flags.ts";
import { KEY_FLAGS } from "../keys.ts";
import { anchorHead, cancelExit, claimOwed, requestExit, showStatus, topUp, withdraw } from "./bond-life.ts";
import { deploy, printPossession, register } from "./bond-setup.ts";

const ACTIONS: Readonly<Record<string, (values: Values) => Promise<void>>> = {
  deploy,
  register,
  possession: printPossession,
  "top-up": topUp,
  status: showStatus,
  anchor: anchorHead,
  exit: requestExit,
  "cancel-exit": cancelExit,
  withdraw,
  claim: claimOwed,
};

export const bondCommand: Command = {
  usage: "bond deploy|register|possession|top-up|status|anchor|exit|cancel-exit|withdraw|claim [flags]",
  description: `  deploy       puts the contract with the given terms on the chain -chainid, unless it is there; prints its address, which
               genesis names: sequencer start -chainid N -bond 0x…
  register     sends -stake for the log's operator. -chain-key becomes the owner, who alone can exit and withdraw. The operator's
               key (-key or OPERATOR_PRIVATE_KEY) signs that it agrees; where it is elsewhere, -possession is its signature
  possession   prints the signature of the operator's key for the owner -owner; sends nothing
  top-up       adds -stake to the bond; anyone can
  status       shows the bond; -json for programs. Sends nothing
  anchor       has the chain note the log's newest head: receipts up to it stay bonded for ever. Anyone can
  exit         begins the exit with the log's newest head. Stop the primary first: nothing may be signed after it
  cancel-exit  takes the request back
  withdraw     takes the stake after the exit delay
  claim        sends what the contract owes to the account of -chain-key: rewards, paid answers, returned bonds

The log is that of the node at -url, verified, or of a stopped node's -dbpath. Amounts carry their unit: 1.5ether, 100wei.
Durations too: 21d, 36h. Everything that is sent is shown first and asked for; -yes is for programs.`,
  flags: {
    ...SENDING_FLAGS,
    ...LOG_FLAGS,
    ...KEY_FLAGS,
    stake: { type: "string", value: "AMOUNT", help: "register, top-up: what to send" },
    owner: { type: "string", value: "0x…", help: "possession: the account that will register" },
    possession: { type: "string", value: "0x…", help: "register: the operator's signature, made elsewhere" },
    json: { type: "boolean", help: "status: as JSON" },
    chainid: { type: "string", value: "N", help: "deploy: the chain that it must be" },
    "minimum-stake": { type: "string", value: "AMOUNT", help: "deploy: least stake", default: "1ether" },
    "challenge-bond": {
      type: "string",
      value: "AMOUNT",
      help: "deploy: least bond of a challenge",
      default: "0.01ether",
    },
    "exit-delay": {
      type: "string",
      value: "TIME",
      help: "deploy: from exit to withdrawal",
      default: "21d",
    },
    "evidence-window": {
      type: "string",
      value: "TIME",
      help: "deploy: how long after an exit request a challenge can be opened",
      default: "14d",
    },
    "answer-window": {
      type: "string",
      value: "TIME",
      help: "deploy: time to answer a challenge",
      default: "7d",
    },
    "force-inclusion": {
      type: "string",
      value: "TIME",
      help: "deploy: the longest the L2 can censor a transaction",
      default: "1d",
    },
  },
  examples: [
    "sequencer bond deploy -l2rpc https://l2.example -chainid 10 -chain-key owner.json",
    "sequencer bond register -l2rpc https://l2.example -chain-key owner.json -key operator.json -stake 10ether",
    "sequencer bond status -l2rpc https://l2.example",
    "sequencer bond anchor -l2rpc https://l2.example -chain-key hot.json -yes",
  ],
  run: async (values) => {
    const [action, ...surplus] = values.positionals;
    const run = action === undefined ? undefined : Object.entries(ACTIONS).find(([name]) => name === action);
    if (run === undefined || surplus.length > 0) {
      throw new SequencerError("usage", `bond takes one of ${Object.keys(ACTIONS).join(", ")}`);
    }
    await run[1](values);
  },
};
