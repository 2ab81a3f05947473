/** What the host may call. The field operations are exported for the tests of their bounds. */
export {
  ANSWERS, CHUNK, DIGESTS, KEY, PLACES, SIGNATURES, TABLES, TABLE_BYTES, addKey, initialize, tablesStart, verify,
} from "./batch";
export { ELEMENT, fromWords, isExact, multiply, multiplySubtract, square, squareSubtract2, toWords } from "./field";
export { PROBE, fieldSubtract } from "./probe";
export { invert, FIELD_MODULUS, ORDER_MODULUS } from "./inverse";
export { multiply as multiplyScalars } from "./scalar";
