/** What the host may call. */
export { DATA, DATA_BYTES, MESSAGES_MAX, OFFSETS, OUTPUT, spread } from "./messages";
export { keccak256 } from "./keccak";
export { sha256 } from "./sha256";
