/**
 * The Solidity compiler of the npm package `solc`, without the network: sources come from contracts/ and from
 * node_modules. What it compiles depends on the sources and the settings here alone.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import solc from "solc";

export const repository = join(import.meta.dirname, "..");

/** What the compiler answers for one contract, as far as it is used. */
interface CompiledContract {
  readonly abi: readonly unknown[];
  readonly evm: { readonly bytecode: { readonly object: string } };
}

interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, CompiledContract>>>>;
}

const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 10_000 },
  // Without metadata the bytecode does not change when a comment does.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

/** Compiles one source file and gives the contract of that name. @throws Error with what the compiler said. */
export function compile(source: string, name: string): CompiledContract {
  const input = { language: "Solidity", sources: { [source]: { content: readSource(source) } }, settings };
  const output: CompilerOutput = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path: string) => ({ contents: readSource(path) }) }),
  );
  const complaints = (output.errors ?? []).map((error) => error.formattedMessage);
  const contract = output.contracts?.[source]?.[name];
  if (complaints.length > 0 || contract === undefined) throw new Error(complaints.join("\n"));
  return contract;
}

function readSource(path: string): string {
  const directory = path.startsWith("@") ? join(repository, "node_modules") : repository;
  return readFileSync(join(directory, path), "utf8");
}
