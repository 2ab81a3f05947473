/**
 * Known answers that a variant of the fast path must give before it is used, on this machine and this
 * version of its WebAssembly compiler. The signatures were made with libsecp256k1.
 */
import { fromHex } from "../base/bytes.ts";
import type { Engine } from "./engine.ts";

/** Digests are one byte repeated: 0, 0x11, 0xee and 0xff; signatures are r || s || yParity. */
const DIGEST_FILLS = [0x00, 0x11, 0xee, 0xff];

const KNOWN = [
  {
    publicKey:
      "0x989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f631f4d05b3ae518776ee08755a7703e64b2ebc32547504de0b55a142d4ecdf80",
    signatures: [
      "0x71d86ada313901044c512fea29792a3cab47f7fa53515fa80eb0a9771ce28d5425e51a5cb3435b1a95ce37097493899675bf3cbdc9fbcbf6a9d6d6cbbc1e91ed01",
      "0x256d8818bcf5d9d7c33d3d077d9a108521c6f5c0df423818d1dbfc7611b3348e7d293550316aa509fe64b3e9c9059b4296950568fa30dd3908cb2c98b92d826900",
      "0x4c6a7d83b587bded08363ee55579d028ab4bc7a6ca5c730743b9f3ba117507e177ac27628dfb323278fcffdc48b7a19e6901791aadf65dc5d961fe76e85c73d001",
      "0x5070d4335545b513bd3d3292eb562341e5b1ac4eaf738438642e7fa11f3ae4c5123dbcb1f2bb9288852297c8a948088bdc61bfe0a1d9b601a5710ca927072b5700",
    ],
  },
  {
    publicKey:
      "0x56b328b30c8bf5839e24058747879408bdb36241dc9c2e7c619faa12b2920967ab7cd9ff8ea7fd4f421b1e19f52e955d497a2c83285a6a8ff72c577d6c2fd490",
    signatures: [
      "0x299b0bd29f6c90b258aff75c9972d8c08d0ccd36bffc7091b3dd73ee6286f06f4ac29eecb1e03b455c46cdac95f7d41d75cac4db6dbe57d26557e188b92c265300",
      "0xacc0a51145d71103b4dae8fc3b38a45f3bb8c2d9c472771f77da72a5486e124319534d2c113ef0e20c6e1fc757942f4c194cb70471a0fd8d3b1cae77a2ea182701",
      "0x46cd255ebb4e8d386487ed197e66a665befb183e7dba4d14efd653e8723699850f7f081a6ba4e1204b17a8a038bb8d26eda49e71e1c6ccd0df93500a104f2c3b01",
      "0x02a4c8389923fe5fe51403af03953ed9f5627a28461e6a9598b4953a6a003d7158a4ddbed104ec68fccb6c8176cddcfdc0f3a07e77abf7b0728541402a678dc801",
    ],
  },
] as const;

/**
 * True if the engine accepts every known signature and none of them with one bit of the digest, r, s or the
 * parity changed. Overwrites the tables of slots 0 and 1.
 */
export function passesSelfTest(engine: Engine): boolean {
  if (!engine.isExact()) return false;
  const cases = KNOWN.flatMap(({ signatures }, slot) =>
    signatures.flatMap((signature, i) =>
      variantsOf(new Uint8Array(32).fill(DIGEST_FILLS[i]!), fromHex(signature), slot),
    ),
  );
  for (const [slot, { publicKey }] of KNOWN.entries()) {
    if (!engine.buildTable(slot, fromHex(publicKey))) return false;
  }
  for (let first = 0; first < cases.length; first += engine.chunk) {
    const part = cases.slice(first, first + engine.chunk);
    const digests = new Uint8Array(32 * part.length);
    const signatures = new Uint8Array(65 * part.length);
    part.forEach((known, i) => {
      digests.set(known.digest, 32 * i);
      signatures.set(known.signature, 65 * i);
      engine.place(i, i, known.slot);
    });
    const answers = engine.verify(digests, signatures, part.length);
    if (part.some((known, i) => (answers[i] === 1) !== known.valid)) return false;
  }
  return true;
}

interface Case {
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly slot: number;
  readonly valid: boolean;
}

function variantsOf(digest: Uint8Array, signature: Uint8Array, slot: number): Case[] {
  return [
    { digest, signature, slot, valid: true },
    { digest: flip(digest, 31), signature, slot, valid: false },
    { digest, signature: flip(signature, 7), slot, valid: false },
    { digest, signature: flip(signature, 40), slot, valid: false },
    { digest, signature: flip(signature, 64), slot, valid: false },
    { digest, signature, slot: 1 - slot, valid: false },
  ];
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}
