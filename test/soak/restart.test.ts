/**
 * A small soak; `npm run soak:restart` is the large one.
 */
import { test } from "node:test";
import { soakRestart } from "./restart.ts";

test("3,000 appends by 50 accounts outlive two kills of the node", async (t) => {
  await soakRestart(t, { transactions: 3_000, kills: 2, say: (line) => t.diagnostic(line) });
});
