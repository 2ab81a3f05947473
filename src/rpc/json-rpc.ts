/**
 * JSON-RPC 2.0: single calls and batches, parameters by position or by name. Results are JSON texts, so that large
 * ones are never built as objects first. Knows nothing of the methods.
 */
import { describeError, RPC_CODES, SequencerError } from "../base/errors.ts";
import { ANSWER_CHARACTERS_MAX, REQUEST_CALLS_MAX, RETRY_AFTER_MS_MIN } from "../base/limits.ts";
import type { Place } from "../sequencing/intake.ts";

/** A call's parameters by name; absent ones are undefined. */
export type Params = Readonly<Record<string, unknown>>;

/** Who sent a request, and the place that it keeps in the order of arrival, if it does. */
export interface Source {
  /** The address that pays for failed signatures. */
  readonly name: string;
  readonly place?: Place | undefined;
}

/** The result as JSON text; a large one as its bytes, made by AnswerText. */
export type Handler = (params: Params, source: Source) => string | Uint8Array | Promise<string>;

export interface Method {
  /** Names of the parameters, in their order. */
  readonly params: readonly string[];
  readonly handle: Handler;
}

export type Methods = ReadonlyMap<string, Method>;

/** Text and bytes that make up an answer with large results in it, in their order. */
export type Parts = readonly (string | Uint8Array)[];

/** JSON text, or its UTF-8. */
export type Body = string | Uint8Array | Parts;

export interface Answer {
  /** Undefined if nothing is to be answered: only notifications. */
  readonly body: Body | undefined;
  /** True if the body is known to be a text of ASCII alone: as many bytes as characters. */
  readonly isAscii?: boolean;
  /** The error of a request that is a single call. */
  readonly error?: SequencerError;
}

export type Id = string | number | null;

/** What the answers to one request may still add up to. */
interface Room {
  characters: number;
}

/** Answers the body of a request. Never throws: whatever goes wrong is an error object in the answer. */
export async function answer(body: string, methods: Methods, source: Source): Promise<Answer> {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    return fail(null, new SequencerError("parse-error", "the body is not JSON"));
  }
  const room: Room = { characters: ANSWER_CHARACTERS_MAX };
  if (!Array.isArray(request)) return (await call(request, methods, source, room)) ?? { body: undefined };
  if (request.length === 0) return fail(null, new SequencerError("invalid-request", "an empty batch"));
  if (request.length > REQUEST_CALLS_MAX) {
    const data = { max: REQUEST_CALLS_MAX };
    return fail(
      null,
      new SequencerError("invalid-request", `more than ${REQUEST_CALLS_MAX} calls`, { data }),
    );
  }
  const answers = await Promise.all(request.map((one) => call(one, methods, source, room)));
  const bodies = answers.map((one) => one?.body).filter((one) => one !== undefined);
  return { body: bodies.length === 0 ? undefined : joinBodies(bodies) };
}

function joinBodies(bodies: readonly Body[]): Body {
  if (bodies.every((body) => typeof body === "string")) return `[${bodies.join(",")}]`;
  return [...bodies.flatMap((body, i) => [i === 0 ? "[" : ",", ...(isParts(body) ? body : [body])]), "]"];
}

export function isParts(body: Body): body is Parts {
  return Array.isArray(body);
}

/** The answer to one call; undefined for a notification. */
async function call(
  request: unknown,
  methods: Methods,
  source: Source,
  room: Room,
): Promise<Answer | undefined> {
  const id = idOf(request);
  let result: Answer;
  try {
    const { method, params } = parseCall(request, methods);
    if (room.characters <= 0) throw answersTooLarge();
    const handled = method.handle(params, source);
    // Reads answer at once: the next call of the batch must find their room taken.
    if (!(handled instanceof Promise)) room.characters -= handled.length;
    result =
      handled instanceof Uint8Array
        ? succeedAtLarge(id ?? null, handled)
        : succeed(id ?? null, await handled);
  } catch (error) {
    result = fail(id ?? null, error);
  }
  // A call without an id wants no answer; one that is no call at all gets one.
  return isObject(request) && !("id" in request) && typeof request.method === "string" ? undefined : result;
}

function answersTooLarge(): SequencerError {
  return new SequencerError("limit-exceeded", "the answers to this request are too large together", {
    data: { retryAfterMs: RETRY_AFTER_MS_MIN },
    hint: "Ask for the rest in another request",
  });
}

function parseCall(request: unknown, methods: Methods): { method: Method; params: Params } {
  if (!isObject(request) || request.jsonrpc !== "2.0" || typeof request.method !== "string") {
    throw new SequencerError("invalid-request", 'expected {"jsonrpc": "2.0", "id", "method", "params"}');
  }
  if ("id" in request && idOf(request) === undefined) {
    throw new SequencerError("invalid-request", "the id must be a string, a number or null");
  }
  const method = methods.get(request.method);
  if (method === undefined) {
    throw new SequencerError("method-not-found", `no method ${request.method.slice(0, 100)}`, {
      data: { methods: [...methods.keys()] },
    });
  }
  return { method, params: nameParams(request.params, method.params) };
}

/** Parameters by position or by name, by their names. @throws SequencerError `invalid-params` */
export function nameParams(params: unknown, names: readonly string[]): Params {
  if (params === undefined) return {};
  if (Array.isArray(params)) {
    if (params.length > names.length) {
      throw new SequencerError(
        "invalid-params",
        `expected at most ${names.length} parameters: ${names.join(", ")}`,
      );
    }
    return Object.fromEntries(params.map((value, i) => [names[i]!, value ?? undefined]));
  }
  if (!isObject(params)) throw new SequencerError("invalid-request", "params must be an array or an object");
  const unknown = Object.keys(params).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new SequencerError("invalid-params", `unknown parameter ${unknown.slice(0, 100)}`, {
      data: { names },
    });
  }
  return params;
}

/** The answer that carries an error. What is no SequencerError is our bug: its text stays inside. */
export function fail(
  id: Id,
  error: unknown,
): Answer & { readonly body: string; readonly error: SequencerError } {
  const known =
    error instanceof SequencerError && error.code in RPC_CODES
      ? error
      : new SequencerError("internal", "internal error", { cause: error });
  const object = JSON.stringify({
    code: RPC_CODES[known.code as keyof typeof RPC_CODES],
    message: describeError(known),
    ...(known.data !== undefined && { data: known.data }),
  });
  return { body: `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${object}}`, error: known };
}

/** What stands before the id of an answer that carries a result, before that result, and after it. */
export const SUCCESS_BEGIN = '{"jsonrpc":"2.0","id":';
export const SUCCESS_RESULT = ',"result":';
export const SUCCESS_END = "}";

/** The answer that carries a result. */
export function succeed(id: Id, result: string): Answer & { readonly body: string } {
  return { body: `${SUCCESS_BEGIN}${JSON.stringify(id)}${SUCCESS_RESULT}${result}${SUCCESS_END}` };
}

/** The same for a result that is large: it is not copied. */
function succeedAtLarge(id: Id, result: Uint8Array): Answer {
  return { body: [`${SUCCESS_BEGIN}${JSON.stringify(id)}${SUCCESS_RESULT}`, result, SUCCESS_END] };
}

/** The id of a call; undefined if it has none, or one that is none. */
export function idOf(request: unknown): Id | undefined {
  if (!isObject(request)) return undefined;
  const { id } = request;
  return typeof id === "string" || typeof id === "number" || id === null ? id : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
