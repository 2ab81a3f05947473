/**
 * Writes what is generated into the tree: the bond contract's ABI and bytecode, and the vectors of evidence.
 * With --check it writes nothing and fails where a file differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { evidenceVectors } from "./evidence-vectors.ts";
import { compile, repository } from "./solidity.ts";

const checking = process.argv.includes("--check");
put("src/slashing/generated/sequencer-bond.ts", contractModule());
put("test/vectors/evidence-vectors.json", evidenceVectors());

function put(name: string, text: string): void {
  const path = join(repository, name);
  if (!checking) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  } else if (readFileSync(path, "utf8") === text) {
    console.log(`${name} is up to date`);
  } else {
    console.error(`${name} differs from what it is generated from. Run: npm run generate`);
    process.exitCode = 1;
  }
}

function contractModule(): string {
  const { abi, evm } = compile("contracts/SequencerBond.sol", "SequencerBond");
  const items = abi.map((item) => `  ${JSON.stringify(item)},\n`).join("");
  return `/** Generated from contracts/SequencerBond.sol by \`npm run generate\`. Do not edit. */

export const sequencerBondAbi = [
${items}] as const;

/** Creation code; the constructor's arguments follow it. */
export const sequencerBondBytecode = "0x${evm.bytecode.object}" as const;
`;
}
