/**
 * WebAssembly modules that travel in the source as base64 and import nothing.
 */
import { fromBase64 } from "./bytes.ts";

/** What an instance of the module exports. @throws where the machine cannot run it */
export function instantiate<Exports>(binary: Uint8Array): Exports {
  const module = new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>);
  return new WebAssembly.Instance(module).exports as unknown as Exports;
}

/** The same of a module in base64; undefined where the machine cannot run it. */
export function tryInstantiate<Exports>(base64: string): Exports | undefined {
  try {
    return instantiate(fromBase64(base64)!);
  } catch {
    return undefined;
  }
}
