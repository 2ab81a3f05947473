/**
 * The memory that is shared with the host: the body of one request, and what the transactions of several have become,
 * column by column. Where something of varying length begins, and the one before it ends, an array of offsets says; the
 * first of them is 0. Place 0 is the first transaction of the first request.
 */

/** Twice as much as a full request of transactions with 300 bytes of data takes. */
export const BODY_BYTES: usize = 2 << 20;
/** Of all requests together: a job of many small ones has about as many as a full large one. */
export const TRANSACTIONS_MAX: usize = 2048;
/** Entries are half as long as their digits. */
export const ENTRIES_BYTES: usize = BODY_BYTES / 2;
/** As JSON: a UUID fits. */
export const ID_BYTES_MAX: usize = 64;

export const ADDRESS_BYTES: usize = 20;
export const SIGNATURE_BYTES: usize = 65;

/** Vectors are read and written as a whole: up to 32 bytes more are touched. */
export const SLACK: usize = 32;

export const BODY = memory.data(BODY_BYTES + SLACK, 16);

/** 20 bytes each. */
export const SENDERS = memory.data(ADDRESS_BYTES * TRANSACTIONS_MAX, 16);
/** Eight bytes each, big-endian. */
export const NONCES = memory.data(8 * TRANSACTIONS_MAX, 16);
export const EXPIRES = memory.data(8 * TRANSACTIONS_MAX, 16);
/** 65 bytes each, r || s || yParity. */
export const SIGNATURES = memory.data(SIGNATURE_BYTES * TRANSACTIONS_MAX, 16);

/** Each `u16be length || 8 zeros || payload`. */
export const ENTRIES = memory.data(ENTRIES_BYTES + SLACK, 16);
export const ENTRY_OFFSETS = memory.data(4 * (TRANSACTIONS_MAX + 1), 16);
/** Part of the entries, once more, end to end as it is hashed. */
export const DATA = memory.data(ENTRIES_BYTES, 16);
export const DATA_OFFSETS = memory.data(4 * (TRANSACTIONS_MAX + 1), 16);
/** The ids of the calls as JSON, each with a line feed behind it. */
export const LINES = memory.data((ID_BYTES_MAX + 1) * TRANSACTIONS_MAX, 16);
export const LINE_OFFSETS = memory.data(4 * (TRANSACTIONS_MAX + 1), 16);

@inline
export function offset(offsets: usize, place: usize): usize {
  return load<u32>(offsets + 4 * place);
}

@inline
export function setOffset(offsets: usize, place: usize, value: usize): void {
  store<u32>(offsets + 4 * place, <u32>value);
}
