/**
 * The file `sequencer-evidence/1`: evidence as JSON that a person can read and any node can check offline. Strict:
 * bounded, no unknown fields, and refused unless it re-encodes to the same JSON (white space aside).
 */
import { fromHex, toHex } from "../base/bytes.ts";
import { ADDRESS_BYTES } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { EVIDENCE_FILE_BYTES_MAX, PROOF_HASHES_MAX } from "../base/limits.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import { packProof } from "../log/proof.ts";
import { type Evidence, type LeafProof, refuseEvidence } from "./evidence.ts";

const FORMAT = "sequencer-evidence/1";

type Json = Readonly<Record<string, unknown>>;

/** The file's text, ending in a newline. */
export function formatEvidence(evidence: Evidence): string {
  return `${JSON.stringify(toJson(evidence), undefined, 2)}\n`;
}

/**
 * The evidence in a file. Its form is checked here; what it proves, by `verifyEvidence`.
 * @throws SequencerError `verification`
 */
export function parseEvidence(text: string): Evidence {
  if (text.length > EVIDENCE_FILE_BYTES_MAX) malformed(`more than ${EVIDENCE_FILE_BYTES_MAX} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    malformed("not JSON", cause);
  }
  const evidence = fromJson(object(json, "the file"));
  if (JSON.stringify(toJson(evidence)) !== JSON.stringify(json)) {
    malformed("fields are missing, unknown, in another order or not written canonically");
  }
  return evidence;
}

function toJson(evidence: Evidence): Json {
  const { kind, log, heads } = evidence;
  return {
    format: FORMAT,
    kind,
    summary: summary(evidence),
    chainId: log.chainId,
    bond: toHex(log.bond),
    logId: toHex(log.logId),
    checkpoints: heads.map(({ size, root, signature }) => ({
      size,
      root: toHex(root),
      signature: toHex(signature),
    })),
    ...(kind === "leaf-conflict" && {
      index: evidence.index,
      leaves: evidence.leaves.map(({ leafHash, path }) => ({
        leafHash: toHex(leafHash),
        proof: toHex(packProof(path)),
      })),
    }),
    ...(kind === "inconsistent" && {
      seed: toHex(evidence.seed),
      proof: toHex(packProof(evidence.path)),
    }),
  };
}

/** One sentence for people; part of the file's form, so nobody can put another one there. */
function summary(evidence: Evidence): string {
  const [a, b] = evidence.heads.map(({ size }) => size);
  switch (evidence.kind) {
    case "same-size":
      return `Two signed checkpoints have size ${a} and different roots.`;
    case "leaf-conflict":
      return `Signed checkpoints of sizes ${a} and ${b} hold different entries at index ${evidence.index}.`;
    case "inconsistent":
      return `The signed checkpoint of size ${b} does not extend the signed one of size ${a}.`;
    case "unanswered-challenge":
      return `Nobody has shown yet that the signed checkpoint of size ${b} extends the one of size ${a}.`;
  }
}

function fromJson(json: Json): Evidence {
  if (json.format !== FORMAT) malformed(`the format is not ${FORMAT}`);
  const log = {
    chainId: integer(json.chainId, "chainId"),
    bond: bytes(json.bond, ADDRESS_BYTES, "bond"),
    logId: bytes(json.logId, HASH_BYTES, "logId"),
  };
  const heads = pair(json.checkpoints, "checkpoints", parseHead);
  switch (json.kind) {
    case "same-size":
    case "unanswered-challenge":
      return { kind: json.kind, log, heads };
    case "leaf-conflict":
      return {
        kind: "leaf-conflict",
        log,
        heads,
        index: integer(json.index, "index"),
        leaves: pair(json.leaves, "leaves", parseLeaf),
      };
    case "inconsistent":
      return {
        kind: "inconsistent",
        log,
        heads,
        seed: bytes(json.seed, HASH_BYTES, "seed"),
        path: hashes(json.proof),
      };
    default:
      return malformed("unknown kind of evidence");
  }
}

function parseHead(json: Json): AttestedHead {
  return {
    size: integer(json.size, "size"),
    root: bytes(json.root, HASH_BYTES, "root"),
    signature: bytes(json.signature, undefined, "signature"),
  };
}

function parseLeaf(json: Json): LeafProof {
  return { leafHash: bytes(json.leafHash, HASH_BYTES, "leafHash"), path: hashes(json.proof) };
}

function hashes(value: unknown): Uint8Array[] {
  const packed = bytes(value, undefined, "proof");
  if (packed.length % HASH_BYTES !== 0) malformed("proof is not whole hashes");
  const count = packed.length / HASH_BYTES;
  if (count > PROOF_HASHES_MAX) refuseEvidence("PathTooLong", `a path of ${count} hashes`);
  return Array.from({ length: count }, (_, i) => packed.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

function pair<T>(value: unknown, name: string, parse: (json: Json) => T): [T, T] {
  if (!Array.isArray(value) || value.length !== 2) malformed(`${name} are not two`);
  return [parse(object(value[0], name)), parse(object(value[1], name))];
}

function object(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) malformed(`${name} is no object`);
  return value as Json;
}

function integer(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) malformed(`${name} is no size`);
  return value;
}

function bytes(value: unknown, length: number | undefined, name: string): Uint8Array {
  try {
    return fromHex(value, length);
  } catch (cause) {
    return malformed(`${name} is not the hexadecimal it should be`, cause);
  }
}

function malformed(message: string, cause?: unknown): never {
  throw new SequencerError("verification", `not an evidence file: ${message}`, { cause });
}
