/**
 * `npm run soak:restart [transactions] [kills]`: the main job in full.
 */
import { soakRestart } from "./restart.ts";

const [transactions = "100000", kills = "6"] = process.argv.slice(2);
const undos: (() => Promise<void>)[] = [];

try {
  await soakRestart(
    { after: (undo) => undos.push(undo) },
    { transactions: Number(transactions), kills: Number(kills), say: console.log },
  );
} finally {
  for (const undo of undos) await undo();
}
