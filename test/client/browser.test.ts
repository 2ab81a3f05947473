/**
 * The client as browsers get it: bundled, and run in a real one where there is one.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { toHex } from "../../src/base/bytes.ts";
import { writer } from "../helpers/accounts.ts";
import { defer, temporaryDirectory, within } from "../helpers/cleanup.ts";
import { startTestPrimary } from "../helpers/primary.ts";

/** Bytes of the client with all it needs, minified; viem's accounts are the application's. */
const CLIENT_BYTES_MAX = 150_000;

async function bundle(entry: string) {
  const result = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    ...{ bundle: true, minify: true, write: false, metafile: true, logLevel: "silent" },
    ...{ platform: "browser", format: "esm", target: "es2022" },
  });
  return { script: result.outputFiles[0]!.text, inputs: Object.keys(result.metafile.inputs) };
}

test("the client's imports are fit for a browser, and few", async () => {
  const { script, inputs } = await bundle("../../src/client/client.ts");
  assert.deepEqual(
    inputs.filter(
      (path) =>
        !/^(src\/(base|client|log|permission|sequencing|verify)\/|node_modules\/(@noble|hash-wasm)\/)/.test(
          path,
        ),
    ),
    [],
  );
  assert(script.length < CLIENT_BYTES_MAX, `${script.length} bytes`);
});

test("the client works in a real browser, against a real node", async (t) => {
  const browser = ["chromium", "chromium-browser", "google-chrome"].find(
    (name) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0,
  );
  if (browser === undefined) {
    t.skip("no Chromium in PATH: scripts/install-chromium.sh installs one");
    return;
  }
  const primary = await startTestPrimary(t, { dbPath: "" });
  const task = { url: primary.url, key: toHex(writer.key) };
  const page = await servePage(t, (await bundle("./browser-page.ts")).script, task);
  openBrowser(t, browser, page.url);
  assert.deepEqual(await within(60_000, "the page's result", page.result), {
    ...{ data: ["0x0102", "0x0304"], isSame: true },
    ...{ refusal: "not-permitted", hasBuffer: false },
  });
});

async function servePage(t: TestContext, script: string, task: unknown) {
  const { promise: result, resolve } = Promise.withResolvers<unknown>();
  const server = createServer(async (request, response) => {
    if (request.url === "/task") return response.end(JSON.stringify(task));
    if (request.url === "/page.js") return response.setHeader("content-type", "text/javascript").end(script);
    if (request.url === "/result") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      resolve(JSON.parse(Buffer.concat(chunks).toString()));
      return response.end();
    }
    response.setHeader("content-type", "text/html").end('<script type="module" src="/page.js"></script>');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, result };
}

/** A headless browser in a process group of its own, which ends as a whole. */
function openBrowser(t: TestContext, browser: string, url: string): void {
  const profile = temporaryDirectory(t);
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const child = spawn(browser, [...args, `--user-data-dir=${profile}`, url], {
    detached: true,
    stdio: "ignore",
  });
  const closed = once(child, "close");
  defer(t, async () => {
    if (child.exitCode === null) process.kill(-child.pid!, "SIGKILL");
    await closed;
  });
}
