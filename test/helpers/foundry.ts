/**
 * The forge and anvil binaries of npm's platform packages, and an anvil of one's own: on the loopback interface, on a
 * port that the system chose, ended by its own process id.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { createTestClient, http, publicActions } from "viem";
import { toHex } from "../../src/base/bytes.ts";
import { addressOfPrivateKey } from "../../src/base/secp256k1.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function foundryBinary(tool: "forge" | "anvil"): string {
  const name = `@foundry-rs/${tool}-${process.platform}-${ARCHITECTURES[process.arch]}`;
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin", tool);
}

/** Balance that anvil gives a funded account in these tests. */
const FUNDS_WEI = 10_000n * 10n ** 18n;

export type Anvil = Awaited<ReturnType<typeof startAnvil>>;

/** Starts a development chain that mines at once, at a time that never varies. */
export async function startAnvil(...args: readonly string[]) {
  const fixed = ["--host", "127.0.0.1", "--port", "0", "--timestamp", "1800000000"];
  const child = spawn(foundryBinary("anvil"), [...fixed, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const rpcUrl = await listening(child.stdout);
  const client = createTestClient({
    mode: "anvil",
    transport: http(rpcUrl),
    pollingInterval: 20,
  }).extend(publicActions);
  return {
    rpcUrl,
    client,
    /** Gives the account of a private key ether. */
    async fund(privateKey: Uint8Array): Promise<Uint8Array> {
      await client.setBalance({ address: toHex(addressOfPrivateKey(privateKey)), value: FUNDS_WEI });
      return privateKey;
    },
    async passTime(seconds: number): Promise<void> {
      await client.increaseTime({ seconds });
      await client.mine({ blocks: 1 });
    },
    async stop(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: output });
  for await (const line of lines) {
    const match = /^Listening on (127\.0\.0\.1:\d+)$/.exec(line);
    if (match === null) continue;
    output.resume(); // keep its pipe empty, or it stops
    return `http://${match[1]}`;
  }
  throw new Error("anvil did not start");
}
