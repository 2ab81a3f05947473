/**
 * Re-verifies a whole log from outside, over HTTP, with code that shares nothing with the node: the tree as RFC 6962
 * writes it, tiles cut from it, signatures by OpenSSL and viem.
 */
import assert from "node:assert/strict";
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { type Hex, recoverTypedDataAddress } from "viem";
import { call } from "./rpc.ts";

/** A receipt as sequencer_append answers it, and the head under it. */
export interface ReceiptLike {
  readonly sequence: number;
  readonly id: Hex;
  readonly timestamp: number;
  readonly checkpoint: { readonly size: number; readonly root: Hex; readonly signature: Hex };
  readonly proof?: Hex;
}

export interface CheckedLog {
  readonly size: number;
  readonly entries: readonly Buffer[];
  /** Leaf hashes. */
  readonly leaves: readonly Buffer[];
  /** The root of the first `size` entries. */
  rootAt(size: number): Buffer;
}

/** Every tile, bundle and signature of the log, and that these receipts are of it. */
export async function checkLog(url: string, receipts: readonly ReceiptLike[] = []): Promise<CheckedLog> {
  const info = await call(url, "sequencer_info");
  const { size, root } = await checkCheckpoint(await getText(`${url}/checkpoint`), info);
  const entries = await fetchEntries(url, size);
  const leaves = entries.map((entry) => sha256(Buffer.of(0), entry));
  const checked: CheckedLog = { size, entries, leaves, rootAt: rootsOf(leaves) };
  assert.deepEqual(checked.rootAt(size), root, "the entries give the signed root");
  assert.equal(hex(leaves[0]!), info.logId, "the log's id is the hash of its genesis");
  assert.equal(
    new Set(entries.map((entry) => entry.subarray(8).toString("hex"))).size,
    size,
    "no payload twice",
  );
  for (let i = 1; i < size; i++) {
    assert(
      entries[i]!.readBigUInt64BE() >= entries[i - 1]!.readBigUInt64BE(),
      `entry ${i} goes back in time`,
    );
  }
  await checkTiles(url, leaves);
  const roots = new Map<number, Buffer>();
  for (const receipt of receipts) await checkReceipt(receipt, checked, roots, info);
  return checked;
}

async function checkReceipt(
  { sequence, timestamp, checkpoint, proof }: ReceiptLike,
  { entries, rootAt, size }: CheckedLog,
  roots: Map<number, Buffer>,
  info: Info,
): Promise<void> {
  const entry = entries[sequence];
  assert(entry !== undefined && checkpoint.size <= size, `acknowledged entry ${sequence} is in the log`);
  assert.equal(Number(entry.readBigUInt64BE()), timestamp);
  let root = roots.get(checkpoint.size);
  if (root === undefined) {
    root = rootAt(checkpoint.size);
    roots.set(checkpoint.size, root);
    assert.equal(hex(root), checkpoint.root, `the head of size ${checkpoint.size} is of this log`);
    assert.equal(await signerOf(info, checkpoint.size, checkpoint.root, checkpoint.signature), info.operator);
  }
  if (proof !== undefined) {
    const leaf = sha256(Buffer.of(0), entry);
    assert.deepEqual(rootFromPath(sequence, checkpoint.size, leaf, hashesOf(proof)), root);
  }
}

interface Info {
  readonly logId: Hex;
  readonly origin: string;
  readonly chainId: number;
  readonly bond: Hex;
  readonly operator: Hex;
  readonly noteKey: Hex;
}

/** A checkpoint's two signature lines, by the keys that the node names. */
export async function checkCheckpoint(note: string, info: Info): Promise<{ size: number; root: Buffer }> {
  const [text, signatures] = [note.slice(0, note.indexOf("\n\n") + 1), note.slice(note.indexOf("\n\n") + 2)];
  const [origin, size, root, ...surplus] = text.split("\n");
  assert.equal(origin, info.origin);
  assert.deepEqual(surplus, [""]);
  const rootBytes = Buffer.from(root!, "base64");
  const lines = signatures.split("\n");
  assert.equal(lines.length, 3, "two signatures, each on a line that ends");
  const blobs = lines.slice(0, 2).map((line) => {
    const [dash, name, blob] = line.split(" ");
    assert.deepEqual([dash, name], ["\u2014", info.origin]);
    return Buffer.from(blob!, "base64");
  });
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytesOf(info.noteKey)]);
  const noteKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  assert(verifySignature(null, Buffer.from(text), noteKey, blobs[0]!.subarray(4)), "the Ed25519 signature");
  const signer = await signerOf(info, Number(size), hex(rootBytes), hex(blobs[1]!.subarray(4)));
  assert.equal(signer, info.operator, "the secp256k1 signature");
  return { size: Number(size), root: rootBytes };
}

async function signerOf(info: Info, size: number, root: Hex, signature: Hex): Promise<string> {
  const address = await recoverTypedDataAddress({
    domain: { name: "Sequencer", version: "1", chainId: info.chainId, verifyingContract: info.bond },
    types: {
      Checkpoint: [
        { name: "logId", type: "bytes32" },
        { name: "size", type: "uint64" },
        { name: "root", type: "bytes32" },
      ],
    },
    primaryType: "Checkpoint",
    message: { logId: info.logId, size: BigInt(size), root },
    signature,
  });
  return address.toLowerCase();
}

/** Every entry, from the bundles. */
async function fetchEntries(url: string, size: number): Promise<Buffer[]> {
  const entries: Buffer[] = [];
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256);
    const bundle = await getBytes(`${url}/tile/entries/${pathOf(index, width)}`);
    let at = 0;
    for (let i = 0; i < width; i++) {
      const length = bundle.readUInt16BE(at);
      entries.push(bundle.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    assert.equal(at, bundle.length, "a bundle ends with its last entry");
  }
  return entries;
}

/** All tiles of all levels, each compared with the tree that the entries give. */
async function checkTiles(url: string, leaves: readonly Buffer[]): Promise<void> {
  let hashes: readonly Buffer[] = leaves;
  for (let level = 0; hashes.length > 0; level++) {
    const parents: Buffer[] = [];
    for (let index = 0; index * 256 < hashes.length; index++) {
      const row = hashes.slice(index * 256, index * 256 + 256);
      const tile = await getBytes(`${url}/tile/${level}/${pathOf(index, row.length)}`);
      assert.deepEqual(tile, Buffer.concat(row), `tile ${level}/${index}`);
      if (row.length === 256) parents.push(rootsOf(row)(256));
    }
    hashes = parents;
  }
}

/** The path of a tile below its level; 1,234 is `x001/234`. */
export function pathOf(index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(Math.max(String(index).length, 1) / 3) * 3, "0");
  const groups = digits.match(/.{3}/g)!;
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return width === 256 ? path : `${path}.p/${width}`;
}

/** The leaf hash of the entry with this timestamp and payload. */
export function leafOf(timestamp: number, payload: Hex): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(timestamp));
  return sha256(Buffer.of(0), time, bytesOf(payload));
}

/** RFC 6962 section 2.1: the root of the first n leaves, with the perfect subtrees remembered. */
export function rootsOf(leaves: readonly Buffer[]): (size: number) => Buffer {
  const perfect = new Map<string, Buffer>();
  const root = (start: number, size: number): Buffer => {
    if (size === 0) return createHash("sha256").digest();
    if (size === 1) return leaves[start]!;
    const known = perfect.get(`${start}/${size}`);
    if (known !== undefined) return known;
    const left = 2 ** Math.floor(Math.log2(size - 1));
    const hash = sha256(Buffer.of(1), root(start, left), root(start + left, size - left));
    if (size === 2 * left) perfect.set(`${start}/${size}`, hash);
    return hash;
  };
  return (size) => root(0, size);
}

/** RFC 6962 section 2.1.1, read backwards: the root that a path leads to. */
export function rootFromPath(index: number, size: number, leaf: Buffer, path: readonly Buffer[]): Buffer {
  if (size === 1) {
    assert.equal(path.length, 0, "no hash is left over");
    return leaf;
  }
  const split = 2 ** Math.floor(Math.log2(size - 1));
  const [rest, sibling] = [path.slice(0, -1), path.at(-1)!];
  return index < split
    ? sha256(Buffer.of(1), rootFromPath(index, split, leaf, rest), sibling)
    : sha256(Buffer.of(1), sibling, rootFromPath(index - split, size - split, leaf, rest));
}

export function hashesOf(proof: Hex): Buffer[] {
  return (proof.slice(2).match(/.{64}/g) ?? []).map((hash) => Buffer.from(hash, "hex"));
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString("hex")}`;
const bytesOf = (text: Hex): Buffer => Buffer.from(text.slice(2), "hex");

async function getBytes(url: string): Promise<Buffer> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return Buffer.from(await response.arrayBuffer());
}

async function getText(url: string): Promise<string> {
  return (await getBytes(url)).toString("utf8");
}
