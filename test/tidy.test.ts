/**
 * The house's own style, where a machine can check it: layers, exports, sizes, and the client's purity.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/node/version.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SRC = join(ROOT, "src");

/** What each layer may import besides itself: everything below it, and its siblings where a line says so. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  verify: ["base"],
  log: ["base", "verify"],
  permission: ["base", "log"],
  sequencing: ["base", "verify", "log", "permission"],
  replication: ["base", "log", "permission", "sequencing"],
  slashing: ["base", "log", "permission", "sequencing"],
  rpc: ["base", "log", "permission", "sequencing"],
  client: ["base", "log", "permission", "sequencing/transaction.ts"],
  node: ["base", "log", "permission", "sequencing", "replication", "slashing", "rpc", "client"],
  cli: ["base", "log", "permission", "sequencing", "replication", "slashing", "rpc", "client", "node"],
};

interface SourceFile {
  /** Relative to src. */
  readonly path: string;
  readonly text: string;
  /** Specifiers of its imports and re-exports; those of types alone are erased before anything runs. */
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean }[];
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

const files: readonly SourceFile[] = globSync("**/*.ts", { cwd: SRC })
  .filter((path) => !path.endsWith(".d.ts") && !path.includes("generated"))
  .sort()
  .map((path) => {
    const text = readFileSync(join(SRC, path), "utf8");
    const imports = [...text.matchAll(IMPORT)].map(([, type, specifier, dynamic]) => ({
      specifier: (specifier ?? dynamic)!,
      typeOnly: type !== undefined,
    }));
    return { path, text, imports };
  });

const byPath = new Map(files.map((file) => [file.path, file]));

/** The file that a relative specifier names, relative to src. */
function resolved(from: SourceFile, specifier: string): string {
  return relative(SRC, join(SRC, dirname(from.path), specifier));
}

test("the layers are those that are described, and each has files", () => {
  const layers = new Set(files.map(({ path }) => path.split("/")[0]!));
  for (const layer of layers) assert.ok(layer in MAY_IMPORT, `src/${layer} is no layer`);
  assert.ok(files.length > 30);
});

suite("imports go down", () => {
  for (const layer of Object.keys(MAY_IMPORT)) {
    test(layer, () => {
      const allowed = [layer, ...MAY_IMPORT[layer]!];
      for (const file of files.filter(({ path }) => path.startsWith(`${layer}/`))) {
        for (const { specifier } of file.imports.filter(({ specifier: text }) => text.startsWith("."))) {
          const target = resolved(file, specifier);
          const isAllowed = allowed.some((each) => target === each || target.startsWith(`${each}/`));
          assert.ok(isAllowed || target.includes("generated"), `src/${file.path} imports src/${target}`);
        }
      }
    });
  }
});

test("no import names a file that is not there", () => {
  for (const file of files) {
    for (const { specifier } of file.imports.filter(({ specifier: text }) => text.startsWith("."))) {
      const target = resolved(file, specifier);
      assert.ok(
        byPath.has(target) || target.includes("generated") || !target.endsWith(".ts"),
        `${file.path}: ${target}`,
      );
    }
  }
});

test("the client runs in browsers: nothing that it imports, directly or not, imports from node:", () => {
  const seen = new Set<string>();
  const visit = (path: string, via: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const file = byPath.get(path);
    assert.ok(file !== undefined, `${via} imports ${path}`);
    for (const { specifier, typeOnly } of file.imports) {
      if (typeOnly || specifier.includes("/generated/")) continue;
      assert.ok(!specifier.startsWith("node:"), `${via} -> src/${path} imports ${specifier}`);
      if (specifier.startsWith(".")) visit(resolved(file, specifier), `${via} -> src/${path}`);
    }
  };
  for (const { path } of files.filter((file) => file.path.startsWith("client/"))) visit(path, "client");
  assert.ok(seen.has("client/client.ts") && seen.has("log/proof.ts"), "the client verifies");
});

suite("every file", () => {
  test("has at most 300 lines", () => {
    const long = files.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }));
    assert.deepEqual(
      long.filter(({ lines }) => lines > 300),
      [],
    );
  });

  test("opens with a comment that says what lives here", () => {
    const bare = files.filter(({ text }) => !/^(?:#!.*\n)?\/\*\*\s*\S/.test(text)).map(({ path }) => path);
    assert.deepEqual(bare, []);
  });

  test("has no default export and re-exports no whole module", () => {
    const wrong = files
      .filter(({ text }) => /^export (?:default|\*)|\bas default\b/m.test(text))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });
});

test("the version is the one of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  assert.equal(VERSION, version);
});
