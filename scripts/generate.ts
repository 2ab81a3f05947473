/**
 * Writes what is generated into the source tree: the ABI and the bytecode of the bond contract.
 * With --check it writes nothing and fails where the file differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compile, repository } from "./solidity.ts";

const target = "src/slashing/generated/sequencer-bond.ts";
const path = join(repository, target);
const text = render();

if (!process.argv.includes("--check")) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${target}`);
} else if (readFileSync(path, "utf8") === text) {
  console.log(`${target} is up to date`);
} else {
  console.error(`${target} differs from contracts/. Run: npm run generate`);
  process.exitCode = 1;
}

function render(): string {
  const { abi, evm } = compile("contracts/SequencerBond.sol", "SequencerBond");
  const items = abi.map((item) => `  ${JSON.stringify(item)},\n`).join("");
  return `/** Generated from contracts/SequencerBond.sol by \`npm run generate\`. Do not edit. */

export const sequencerBondAbi = [
${items}] as const;

/** Creation code; the constructor's arguments follow it. */
export const sequencerBondBytecode = "0x${evm.bytecode.object}" as const;
`;
}
