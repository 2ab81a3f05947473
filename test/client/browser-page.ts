/**
 * What the browser test runs in a real browser: appends, follows, reads a receipt, and tells the page's server.
 */
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { connect } from "../../src/client/client.ts";
import { verifyReceipt } from "../../src/client/receipt.ts";

async function run({ url, key }: { url: string; key: `0x${string}` }): Promise<unknown> {
  const client = await connect(url, { account: privateKeyToAccount(key) });
  const receipt = await client.append("0x0102");
  const data: unknown[] = [];
  for await (const entry of client.entries({ from: receipt.sequence, follow: true })) {
    data.push(entry.data);
    if (data.length === 2) break;
    await client.append("0x0304");
  }
  const file = await client.receipt(receipt.id);
  const { sequence } = verifyReceipt(JSON.parse(JSON.stringify(file)), client.logId);
  const stranger = await connect(url, { account: privateKeyToAccount(generatePrivateKey()) });
  const refusal = await stranger.append("0x00").catch((error) => error.data?.reason);
  return { data, isSame: sequence === receipt.sequence, refusal, hasBuffer: "Buffer" in globalThis };
}

try {
  const task = await (await fetch("/task")).json();
  await fetch("/result", { method: "POST", body: JSON.stringify(await run(task)) });
} catch (error) {
  await fetch("/result", { method: "POST", body: JSON.stringify({ error: String(error) }) });
}
