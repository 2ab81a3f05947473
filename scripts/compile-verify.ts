/** Compiles the AssemblyScript of assembly/ to WebAssembly. The result depends on the sources and the pinned compiler alone. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import asc from "assemblyscript/asc";

export interface Module {
  /** File and export name under `layer`/generated/. */
  readonly name: string;
  readonly layer: "src/verify" | "src/rpc";
  readonly entry: string;
  /** The directory that `./field` stands for: the same algorithm is compiled over two field arithmetics. */
  readonly field?: "fused" | "standard";
}

export const MODULES: readonly Module[] = [
  { name: "fused", layer: "src/verify", entry: "assembly/verify/main.ts", field: "fused" },
  { name: "standard", layer: "src/verify", entry: "assembly/verify/main.ts", field: "standard" },
  { name: "hash", layer: "src/verify", entry: "assembly/hash/main.ts" },
  { name: "text", layer: "src/rpc", entry: "assembly/text/main.ts" },
  { name: "read", layer: "src/rpc", entry: "assembly/read/main.ts" },
];

// Warning 201 is about memories of 64-bit addresses; these have 32.
const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--enable",
  "relaxed-simd",
  "--disableWarning",
  "201",
  "--outFile",
  "module.wasm",
];

const root = join(import.meta.dirname, "..");

/** `change` may rewrite a source on its way to the compiler: a test builds a machine with other arithmetic. */
export async function compile(module: Module, change = (source: string) => source): Promise<Uint8Array> {
  let output: Uint8Array | undefined;
  const { error, stderr } = await asc.main([module.entry, ...OPTIONS], {
    readFile: async (name, base) => {
      const source = await readSource(module, join(base, name));
      return source === null ? null : change(source);
    },
    writeFile: (name, contents) => {
      if (name === "module.wasm" && typeof contents !== "string") output = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || output === undefined) throw new Error(`${module.name}: ${stderr.toString()}`);
  return output;
}

async function readSource(module: Module, name: string): Promise<string | null> {
  if (name === "assembly/verify/field.ts") return `export * from "./${module.field}/field";`;
  return readFile(join(root, name), "utf8").catch(() => null);
}
