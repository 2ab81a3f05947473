/** ECDSA signatures in DER (X.690), as other systems write them and ours never does. */
import { concatBytes } from "../../src/base/bytes.ts";

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** r || s of 32 bytes each; undefined for anything but the DER of two such numbers. */
export function derSignature(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined;
  const r = integer(der.subarray(2));
  if (r === undefined) return undefined;
  const s = integer(der.subarray(4 + r.length));
  if (s === undefined || 6 + r.length + s.length !== der.length) return undefined;
  return concatBytes(number32(r), number32(s));
}

/** The contents of the INTEGER that `der` begins with, if it is not negative, of 32 bytes, and as short as it can be. */
function integer(der: Uint8Array): Uint8Array | undefined {
  const length = der[1] ?? 0;
  const contents = der.subarray(2, 2 + length);
  const [first = 0xff, second = 0xff] = contents;
  const zeroInFront = length > 1 && first === 0;
  if (der[0] !== INTEGER || length === 0 || contents.length !== length || first >= 0x80) return undefined;
  if ((zeroInFront && second < 0x80) || length > 32 + (zeroInFront ? 1 : 0)) return undefined;
  return contents;
}

function number32(contents: Uint8Array): Uint8Array {
  const number = new Uint8Array(32);
  number.set(contents.subarray(-32), 32 - Math.min(32, contents.length));
  return number;
}
