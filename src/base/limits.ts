/**
 * Every bound in the sequencer, with its unit and its reason. The formats' own bounds come from SPEC.md;
 * the others protect the process and are free to change.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

// Formats (SPEC sections 1 and 4)

/** Bytes of one entry: tlog-tiles prefixes each with a 16-bit length. */
export const ENTRY_BYTES_MAX = 65_535;
/** Bytes of a transaction's `data`: leaves room for the other fields within one entry. */
export const DATA_BYTES_MAX = 65_400;
/** Entries of one block: its count is checked before anything is allocated for it. */
export const BLOCK_ENTRIES_MAX = 4_096;
/** Bytes of a block's entries, lengths not counted: what one gossip message carries. */
export const BLOCK_BYTES_MAX = MIB;
/** Bytes of a signed note: three lines and at most NOTE_SIGNATURES_MAX signatures. */
export const NOTE_BYTES_MAX = 32 * KIB;
/** Signature lines of one note: two of the operator, the others cosigners. */
export const NOTE_SIGNATURES_MAX = 100;
/** Bytes of the origin (SPEC section 1, genesis). */
export const ORIGIN_BYTES_MAX = 255;
/** Milliseconds, the range of maxTransactionLifetimeMs (SPEC section 1, genesis). */
export const LIFETIME_MS_MIN = 1_000;
export const LIFETIME_MS_MAX = 3_600_000;
/** Hashes of any proof: a tree of 2^53 leaves has paths of at most 53, a consistency proof one more. */
export const PROOF_HASHES_MAX = 64;

// Intake

/** Transactions between arrival and answer: about a second of work at full speed. */
export const INTAKE_TRANSACTIONS_MAX = 65_536;
/** Payload bytes between arrival and answer. */
export const INTAKE_BYTES_MAX = 64 * MIB;
/** Signatures of one verification job: large enough to share work, small enough to spread over workers. */
export const VERIFY_JOB_SIGNATURES_MAX = 256;
/** Signatures below which a job is not cut for the sake of sharing: a message costs as much as a signature. */
export const VERIFY_JOB_SIGNATURES_MIN = 16;
/** Jobs that a worker holds: one at work, one waiting, so that it never idles. */
export const VERIFY_JOBS_PER_WORKER = 2;
/** Bytes of all tables of known keys, over all workers: 320 KiB a key, so about 1,000 keys with two workers each. */
export const VERIFY_TABLES_BYTES_MAX = 640 * MIB;
/** Milliseconds until a job without an answer means that its worker is broken. */
export const VERIFY_TIMEOUT_MS = 30_000;
/** Milliseconds before a worker that broke again is replaced: doubled each time, from the first to the last. */
export const VERIFY_PAUSE_MS_MIN = 100;
export const VERIFY_PAUSE_MS_MAX = 10_000;
/** Breaks in a row, in every place, after which tasks are refused until a worker loads: a second or two. */
export const VERIFY_BREAKS_MAX = 5;
/** Failed signatures that one source may cost us at once, and how many it earns back a second. */
export const FAILED_SIGNATURES_BURST = 2_000;
export const FAILED_SIGNATURES_PER_SECOND = 100;
/** Sources whose failures are remembered; the least recently seen is forgotten first. */
export const FAILED_SIGNATURE_SOURCES_MAX = 10_000;
/** Milliseconds, the range of retryAfterMs. */
export const RETRY_AFTER_MS_MIN = 20;
export const RETRY_AFTER_MS_MAX = 5_000;

/** Entries of a block that are hashed on the main thread: more are worth a message to another one. */
export const HASH_HERE_ENTRIES_MAX = 128;
/** Milliseconds until a block that is not hashed means that the thread for it is broken. */
export const HASH_TIMEOUT_MS = 30_000;

// Store and reads

/** Tiles whose inner hashes are kept in memory: 16 KiB each. */
export const TILE_CACHE_ENTRIES = 1_024;
/** Roots of earlier sizes kept in memory. */
export const ROOT_CACHE_ENTRIES = 4_096;
/** The last blocks committed, kept in memory for readers near the head: at most BLOCK_BYTES_MAX each and READ_CACHE_BYTES in all. More than the journal holds: what the database lacks is read here. */
export const READ_CACHE_BYTES = 32 * MIB;
/** Bytes of each half of the journal: what half a million small transactions a second need until they are written to the database. */
export const JOURNAL_HALF_BYTES = 4 * MIB;
/** Bytes of a commit that goes through the journal: a larger one takes LMDB hardly longer, and is written once. */
export const JOURNALED_BYTES_MAX = 256 * KIB;
/** Milliseconds that a commit stays in the journal alone: the fewer transactions of LMDB, the less they cost. */
export const JOURNALED_MS = 100;
/** Entries and bytes of one sequencer_read answer (SPEC section 5). */
export const READ_ENTRIES_MAX = 1_000;
export const READ_BYTES_MAX = 4 * MIB;
/** Accounts in the answer to sequencer_permissions: 750 KB of JSON, made in one go. */
export const ROLES_ANSWER_MAX = 10_000;
/** Bytes that must stay free on the disk of the database, unless -disk-reserve says otherwise. */
export const DISK_RESERVE_BYTES = 256 * MIB;
/** Milliseconds between looks at the free disk space and at the clocks. */
export const HOUSEKEEPING_INTERVAL_MS = 250;
/** Milliseconds that the wall clock may part from the monotonic one before sealing stops (SPEC section 3). */
export const CLOCK_JUMP_MS = 1_000;
/** Milliseconds that the last entry may lie in the future, or in the past, at start (SPEC section 3). */
export const CLOCK_BEHIND_MS = 2_000;
export const CLOCK_AHEAD_MS = 24 * 3_600_000;
/** Peers remembered in the sign guard, and bytes of each multiaddr. */
export const GUARD_PEERS_MAX = 12;
export const GUARD_PEER_BYTES_MAX = 250;

// HTTP (SPEC section 5)

export const REQUEST_BODY_BYTES_MAX = 8 * MIB;
export const REQUEST_CALLS_MAX = 1_000;
/** Characters of JSON after which a request's further calls are refused: with the largest read on top, clients take it. */
export const ANSWER_CHARACTERS_MAX = 8 * MIB;
/** Bytes of the buffers that large answers are written into, and of all that are kept to be used again. */
export const ANSWER_BUFFER_BYTES_MIN = 64 * KIB;
export const ANSWER_BUFFER_BYTES_MAX = 4 * MIB;
export const ANSWER_BUFFERS_BYTES_MAX = 16 * MIB;
/** Bytes of a full receipt as JSON, with the path through a tree of a thousand million entries. */
export const RECEIPT_TEXT_BYTES = 2_560;
/** Bytes up to which an answer is copied out of its buffer: many small ones may be under way at once. */
export const ANSWER_TEXT_BYTES_MAX = 16 * KIB;
/** Open connections: below the usual limit of 1,024 open files, with room for the database and peers. */
export const CONNECTIONS_MAX = 900;
/** Open connections of one source: more than keep a node busy, and more than STREAMS_MAX, so that a reader is told why. */
export const CONNECTIONS_PER_SOURCE_MAX = 300;
/** Milliseconds between two lines in the log that connections are refused; a metric counts them. */
export const REFUSAL_NOTICE_MS = 60_000;
/** Milliseconds for a whole request to arrive, headers and body; and for an idle kept-alive connection. */
export const REQUEST_TIMEOUT_MS = 15_000;
export const KEEP_ALIVE_TIMEOUT_MS = 60_000;
/** Milliseconds between heartbeat checkpoints on a stream (SPEC section 5). */
export const STREAM_HEARTBEAT_MS = 5_000;
/** Milliseconds that a stream's reader may leave its socket full before it is told where to resume. */
export const STREAM_STALL_MS = 20_000;
/** Streams served at once. */
export const STREAMS_MAX = 256;
/** WebSockets open at once. */
export const SOCKETS_MAX = 256;
/** Requests that one WebSocket may have under way before it is not read. */
export const SOCKET_REQUESTS_MAX = 1_024;
/** Bytes of answers that one WebSocket has not taken: from these on it is not read, and from those on it is cut off. */
export const SOCKET_PAUSE_BYTES = MIB;
export const SOCKET_UNSENT_BYTES_MAX = 64 * MIB;
/** Milliseconds between pings of a WebSocket; without an answer by the next one it is cut off. */
export const SOCKET_PING_MS = 20_000;
/** Milliseconds to finish what was accepted when the process is asked to stop. */
export const SHUTDOWN_MS = 8_000;
/** Milliseconds that a process that is to end waits for threads that are still loading: a second on a busy machine. */
export const THREADS_LOAD_MS = 3_000;
/** Milliseconds between looks for connections that have fallen idle meanwhile. */
export const SHUTDOWN_IDLE_MS = 50;

// Replication (the gossip's own bounds are in replication/episub/limits.ts)

/**
 * Milliseconds between two blocks that leave the primary under load: what is sealed meanwhile leaves as one. Each block
 * costs a replica two signatures, a commit and its frames, about 3 ms, whatever is in it. The pause grows with what has
 * just left, for that is still on its way: by GOSSIP_PACE_FULL_MS for a full block, and less for a smaller one.
 */
export const GOSSIP_PACE_MS = 100;
export const GOSSIP_PACE_FULL_MS = 200;
/**
 * Bytes of blocks that are kept for neighbours who ask for them again: eight seconds at 10,000 transactions a second;
 * whoever misses older ones catches up by range. For the most part they are the bytes of READ_CACHE_BYTES once more.
 */
export const GOSSIP_CACHE_BYTES = 32 * MIB;
/**
 * Entries that a block may be ahead of what a replica has for its announcement to be believed: a minute and a half at
 * 10,000 transactions a second, for a replica that stood still must still ask. How many are remembered is bounded apart.
 */
export const GOSSIP_AHEAD_ENTRIES_MAX = 1_000_000;
/** Bytes of a stream that may wait beside the frame that is read: lengths, and a few small frames sent ahead. */
export const FRAME_SLACK_BYTES = 64 * KIB;
/** Milliseconds until a request to a peer counts as unanswered, and until an idle stream is closed. */
export const SYNC_REQUEST_MS = 10_000;
export const SYNC_IDLE_MS = 60_000;
/** New connections accepted from one host each second: a whole test network may live on one. */
export const CONNECTIONS_PER_HOST_PER_SECOND = 50;
/** Streams that one connection may open for requests to us: an append's frame is large, a request to catch up is not. */
export const SYNC_STREAMS_MAX = 8;
export const APPEND_STREAMS_MAX = 2;
/** Tiles of another node's tree kept while catching up: 8 KiB each. */
export const VERIFIED_TILES_MAX = 1_024;
/** Entries asked for at once: eight bundles, about a frame's worth at 300 bytes each. */
export const SYNC_RANGE_ENTRIES = 2_048;
/** Ranges asked for at once from each peer, and in all; what they bring waits in order for the one writer. */
export const SYNC_RANGES_PER_PEER = 2;
export const SYNC_RANGES_MAX = 8;
/** Milliseconds after which a second peer is asked for what the first one has not brought. */
export const SYNC_HEDGE_MS = 2_000;
/** Failures after which a catch-up stops asking a peer: a lie at once, anything else this many times. */
export const SYNC_FAILURES_MAX = 3;
/** Peers that a catch-up, or the look for the newest head, asks at once. */
export const SYNC_PEERS_MAX = 8;
/** Milliseconds between looks at the heads of a few peers: how long gossip may fail before somebody notices. */
export const HEAD_POLL_MS = 3_000;
export const HEAD_POLL_PEERS = 3;
/** Milliseconds before peers are asked again after a failure, and that gossip is given to bring what they have. */
export const HEAD_RETRY_MS = 1_000;
/** Milliseconds that gossip is given to close a gap before peers are asked, and between two rounds of asking. */
export const GAP_GRACE_MS = 300;
/** Milliseconds that further heads are waited for once one peer has answered. */
export const HEAD_WAIT_MS = 1_500;
/** Signed heads that contradict what is stored and wait for the proof. */
export const SUSPECTS_MAX = 16;
/** Live blocks, in number and bytes, that wait for a gap before them to be closed; the rest is caught up later. */
export const LIVE_BLOCKS_MAX = 4_096;
export const LIVE_BLOCKS_BYTES_MAX = 64 * MIB;
/** Milliseconds for the primary to answer a forwarded append. */
export const FORWARD_MS = 15_000;
/** Payload bytes of one frame of forwarded appends. */
export const FORWARD_BYTES_MAX = MIB;
/** Milliseconds between attempts to reach a lost peer: doubled from the first to the last. */
export const REDIAL_MS_MIN = 1_000;
export const REDIAL_MS_MAX = 30_000;
/** Milliseconds that a starting primary gives its peers to answer. */
export const PEER_CHECK_MS = 8_000;
/** Milliseconds that a new replica waits in each round for its peers to show their genesis. */
export const GENESIS_ROUND_MS = 2_000;
/** Peers whose word on where the primary is is remembered, and addresses that are tried or passed on. */
export const PRIMARY_HINTS_MAX = 64;
export const PRIMARY_ADDRESSES_MAX = 8;
/** Milliseconds for which a peer that sent what does not verify is refused, and how many of them are remembered. */
export const BAN_MS = 600_000;
export const BANS_MAX = 1_000;
/** Milliseconds until a peer that failed to answer an append as a primary would is tried before others again. */
export const PRIMARY_DEMOTION_MS = 60_000;
/** Milliseconds until a replica without an answering peer says so. */
export const NO_PEER_MS = 8_000;

// Client

/** Milliseconds for one request of the client, and between its attempts (doubled each time up to the last). */
export const CLIENT_TIMEOUT_MS = 30_000;
export const CLIENT_RETRY_MS = 100;
export const CLIENT_RETRY_MS_MAX = 5_000;
/** Milliseconds without a byte, heartbeats included, after which the client takes a stream for dead. */
export const CLIENT_SILENCE_MS = 4 * STREAM_HEARTBEAT_MS;
/** Attempts of one append before the client gives up; every one of them is safe. */
export const CLIENT_ATTEMPTS_MAX = 8;
/** Bytes of one answer or one stream line that the client reads before it gives up. */
export const CLIENT_ANSWER_BYTES_MAX = 32 * MIB;

// Slashing

/** Bytes of an evidence file: two heads and two paths of PROOF_HASHES_MAX hashes in hexadecimal take 9 KiB. */
export const EVIDENCE_FILE_BYTES_MAX = 16 * KIB;
/** Milliseconds for one answer of an RPC node, and how often it is asked again. */
export const CHAIN_TIMEOUT_MS = 10_000;
export const CHAIN_RETRIES = 3;
/** Milliseconds between looks at the chain while something is awaited: half a block of the slower L2s. */
export const CHAIN_POLL_MS = 1_000;
/** Milliseconds until a transaction that is not mined is sent again with a higher fee. */
export const CHAIN_RECEIPT_TIMEOUT_MS = 30_000;
/** Attempts with one nonce, a quarter dearer each: 28 times the first price at most. */
export const CHAIN_ATTEMPTS_MAX = 16;
/** New nonces for one transaction when another one of the same key was mined in its place. */
export const CHAIN_NONCE_RESTARTS_MAX = 3;
/** Milliseconds that a reporter waits for its commitment to mature: ten times the contract's minute, for outages. */
export const CHAIN_COMMIT_WAIT_MS = 600_000;
/** Milliseconds between looks at the bond while nothing happens, and from the first failed try to the next. */
export const BOND_LOOK_MS = 60_000;
export const BOND_RETRY_MS = 1_000;
/** Milliseconds between searches for open challenges: a hundredth of the shortest answer window. */
export const CHALLENGE_LOOK_MS = 3_600_000;
/** Milliseconds between looks at the checkpoints of other nodes, and for one of their answers. */
export const WATCH_POLL_MS = 5_000;
export const WATCH_ANSWER_MS = 10_000;
/** Heads of the operator that are remembered though nobody serves their tree. */
export const UNPROVED_HEADS_MAX = 64;
/** Blocks of one request for events: what public nodes answer at least. */
export const CHAIN_LOG_BLOCKS = 10_000n;
