/**
 * JSON-RPC over Node's own HTTP, SPEC section 5: takes a plain `POST /` as it comes from the parser, and writes the answer
 * to any. How long a request may take, and how many there may be, the server bounds.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { REQUEST_BODY_BYTES_MAX } from "../base/limits.ts";
import { releaseAnswer } from "./answer-text.ts";
import { type Answer, isParts, type Parts } from "./json-rpc.ts";
import type { Requests } from "./requests.ts";
import type { TrustedProxies } from "./sources.ts";
import type { WholeRequest } from "./whole-request.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

export class Posts {
  readonly #requests: Requests;
  readonly #proxies: TrustedProxies;

  constructor(requests: Requests, proxies: TrustedProxies) {
    this.#requests = requests;
    this.#proxies = proxies;
  }

  /** True for one whose length is told and within the bounds: the parser then lets no byte more through. */
  isPlain({ method, url, headers }: IncomingMessage): boolean {
    return method === "POST" && url === "/" && Number(headers["content-length"]) <= REQUEST_BODY_BYTES_MAX;
  }

  /** Reads a plain request and answers it. One that ends early has nobody left to answer. */
  take(request: WholeRequest, response: ServerResponse): void {
    request.takeBody((body) => void this.answer(body, request, response));
  }

  /** @param response of which nothing was written yet */
  async answer(body: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    send(response, await this.#requests.answer(body, this.#proxies.sourceOf(request)));
  }
}

function send(response: ServerResponse, { body, isAscii = false, error }: Answer): void {
  const headers = ["access-control-allow-origin", "*"];
  if (body === undefined) {
    response.writeHead(204, headers).end();
    return;
  }
  const isLimited = error?.code === "limit-exceeded";
  if (isLimited) headers.push("retry-after", retryAfterSeconds(error));
  const length = isAscii ? body.length : lengthOf(body);
  headers.push("content-type", JSON_TYPE, "content-length", String(length));
  response.writeHead(isLimited ? 429 : 200, headers);
  if (isParts(body)) sendParts(response, body);
  else response.end(body, isAscii ? "latin1" : "utf8");
}

function lengthOf(body: string | Uint8Array | Parts): number {
  return isParts(body)
    ? body.reduce((sum, part) => sum + Buffer.byteLength(part), 0)
    : Buffer.byteLength(body);
}

/** Large results go out as they are, not copied into one text. */
function sendParts(response: ServerResponse, parts: Parts): void {
  response.cork();
  for (const part of parts) response.write(part);
  response.end();
  response.once("close", () => {
    for (const part of parts) releaseAnswer(part);
  });
}

/** The Retry-After header for what is refused for now. */
export function retryAfterSeconds(error: unknown): string {
  const { retryAfterMs = 1_000 } = (error as { data?: { retryAfterMs?: number } }).data ?? {};
  return String(Math.ceil(retryAfterMs / 1_000));
}
