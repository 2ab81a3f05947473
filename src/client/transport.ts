/**
 * JSON-RPC over fetch or a WebSocket, with time-outs, bounds, and repeats of what is safe to repeat. Answers are
 * `unknown` until somebody has parsed them.
 */
import { type ErrorCode, RPC_CODES, SequencerError } from "../base/errors.ts";
import {
  CLIENT_ANSWER_BYTES_MAX,
  CLIENT_ATTEMPTS_MAX,
  CLIENT_RETRY_MS,
  CLIENT_RETRY_MS_MAX,
  CLIENT_TIMEOUT_MS,
} from "../base/limits.ts";
import { RpcSocket } from "./socket.ts";

export type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface Call {
  readonly method: string;
  readonly params: Params;
}

export type CallResult = { readonly result: unknown } | { readonly error: SequencerError };

const CODE_NAMES = new Map<number, ErrorCode>(
  Object.entries(RPC_CODES).map(([name, code]) => [code, name as ErrorCode]),
);

export class Transport {
  /** Of the node's API, http: or https:. */
  readonly url: string;
  readonly #socket: RpcSocket | undefined;
  #nextId = 0;

  /** @param url of the node's API; requests are messages of one WebSocket if it is ws: or wss: */
  constructor(url: string) {
    const trimmed = url.replace(/\/+$/, "");
    const isSocket = /^wss?:/.test(trimmed);
    this.url = isSocket ? trimmed.replace(/^ws/, "http") : trimmed;
    if (isSocket) this.#socket = new RpcSocket(`${trimmed}/`);
  }

  /** Closes what is open; a later request opens it again. */
  close(): void {
    this.#socket?.close();
  }

  /** The result of one call, tried again while the node is unreachable or asks for patience. */
  async call(method: string, params: Params): Promise<unknown> {
    const [result] = await this.callAll([{ method, params }]);
    if (result !== undefined && "result" in result) return result.result;
    throw result?.error ?? badAnswer("an empty batch");
  }

  /** The results of several calls in one request, each tried again as above. All of them must be safe to repeat. */
  async callAll(calls: readonly Call[]): Promise<CallResult[]> {
    const results = new Array<CallResult>(calls.length);
    let open = calls.map((_, i) => i);
    for (let attempt = 1; ; attempt++) {
      const answers = await this.#request(open.map((i) => calls[i]!)).catch((error) => {
        if (!isPassing(error)) throw error;
        return open.map((): CallResult => ({ error }));
      });
      open.forEach((call, i) => {
        results[call] = answers[i]!;
      });
      open = open.filter((i) => "error" in results[i]! && isPassing(results[i].error));
      if (open.length === 0 || attempt === CLIENT_ATTEMPTS_MAX) return results;
      await pause(Math.max(backOff(attempt), ...open.map((i) => retryAfterMs(results[i]!))));
    }
  }

  /** A GET below the node's URL. */
  async get(path: string, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(this.url + path, signal === undefined ? {} : { signal });
    } catch (cause) {
      throw unreachable(this.url, cause);
    }
  }

  async #request(calls: readonly Call[]): Promise<CallResult[]> {
    const firstId = this.#nextId;
    this.#nextId += calls.length;
    const requests = calls.map(({ method, params }, i) => ({
      jsonrpc: "2.0",
      id: firstId + i,
      method,
      params,
    }));
    const parsed = await this.#exchange(
      JSON.stringify(requests.length === 1 ? requests[0] : requests),
      firstId,
    );
    // The answers of a batch may come in any order.
    const byId = new Map<unknown, CallResult>();
    for (const one of Array.isArray(parsed) ? parsed : [parsed]) byId.set(one?.id, parseAnswer(one));
    const refusal = byId.get(null);
    return calls.map(
      (_, i) => byId.get(firstId + i) ?? refusal ?? { error: badAnswer("no answer to a call") },
    );
  }

  /** The parsed answer to a request whose first call has this id. */
  async #exchange(body: string, firstId: number): Promise<unknown> {
    if (this.#socket === undefined) return parse(await this.#post(body));
    try {
      return await this.#socket.request(body, firstId);
    } catch (cause) {
      throw unreachable(this.url, cause);
    }
  }

  async #post(body: string): Promise<string> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.url}/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(CLIENT_TIMEOUT_MS),
      });
      text = await response.text();
    } catch (cause) {
      throw unreachable(this.url, cause);
    }
    if (text.length > CLIENT_ANSWER_BYTES_MAX) throw badAnswer("too large");
    if (response.status >= 500 && response.status !== 500) throw unreachable(this.url, response.statusText);
    return text;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer("not JSON");
  }
}

function parseAnswer(answer: unknown): CallResult {
  const { result, error } = (answer ?? {}) as {
    result?: unknown;
    error?: { code?: unknown; message?: unknown; data?: unknown };
  };
  if (error === undefined || error === null) return { result };
  const code = CODE_NAMES.get(Number(error.code)) ?? "internal";
  const data =
    typeof error.data === "object" && error.data !== null
      ? { data: error.data as Record<string, unknown> }
      : {};
  return { error: new SequencerError(code, String(error.message), data) };
}

/** Worth another attempt: the node cannot be reached, does not know the outcome, or is busy. */
function isPassing(error: unknown): boolean {
  return error instanceof SequencerError && ["network", "unavailable", "limit-exceeded"].includes(error.code);
}

function retryAfterMs(result: CallResult): number {
  return "error" in result ? Number(result.error.data?.retryAfterMs ?? 0) : 0;
}

export function backOff(attempt: number): number {
  return Math.min(CLIENT_RETRY_MS_MAX, CLIENT_RETRY_MS * 2 ** (attempt - 1));
}

export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}

export function badAnswer(why: string): SequencerError {
  return new SequencerError("verification", `the node answered with something else than it should: ${why}`, {
    hint: "Do not use this node's answers; ask another one",
  });
}

function unreachable(url: string, cause: unknown): SequencerError {
  return new SequencerError("network", `no answer from ${url}`, {
    cause,
    hint: "Check the address, and that the node runs",
  });
}
