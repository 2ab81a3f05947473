/** As much of hypercore as the benchmarks use; the package has no types of its own. */
declare module "hypercore" {
  class Hypercore {
    constructor(directory: string);
    ready(): Promise<void>;
    append(blocks: readonly Uint8Array[]): Promise<unknown>;
    close(): Promise<void>;
  }
  export = Hypercore;
}
