/**
 * JSON-RPC and plain HTTP from outside: nothing of the client SDK, so that the two are tested apart.
 */
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data?: Record<string, unknown>;
}

export type RpcAnswer =
  | { readonly jsonrpc: "2.0"; readonly id: unknown; readonly result: unknown; readonly error?: undefined }
  | {
      readonly jsonrpc: "2.0";
      readonly id: unknown;
      readonly error: RpcFailure;
      readonly result?: undefined;
    };

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the node answers.
type Anything = any;

/** The result of a call; a failure is thrown as text. */
export async function call(url: string, method: string, params: unknown = []): Promise<Anything> {
  const answer = await ask(url, { method, params });
  if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.result;
}

/** The failure of a call that must fail. */
export async function failure(url: string, method: string, params: unknown = []): Promise<RpcFailure> {
  const { error, result } = await ask(url, { method, params });
  if (error === undefined) throw new Error(`${method} succeeded: ${JSON.stringify(result).slice(0, 200)}`);
  return error;
}

/** Answers of a batch, in the order of the calls. */
export async function batch(
  url: string,
  calls: readonly { method: string; params?: unknown }[],
): Promise<RpcAnswer[]> {
  const body = JSON.stringify(calls.map((one, id) => ({ jsonrpc: "2.0", id, ...one })));
  const answers = (await (await post(url, body)).json()) as RpcAnswer[];
  return answers.sort((a, b) => Number(a.id) - Number(b.id));
}

export async function post(url: string, body: string): Promise<Response> {
  return await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
}

async function ask(url: string, one: { method: string; params: unknown }): Promise<RpcAnswer> {
  const response = await post(url, JSON.stringify({ jsonrpc: "2.0", id: 1, ...one }));
  return (await response.json()) as RpcAnswer;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request on a connection of its own, if need be from another address of this machine (127.0.0.x). */
export async function plainRequest(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; localAddress?: string } = {},
): Promise<PlainAnswer> {
  const { method = "GET", headers = {}, body, localAddress } = options;
  return await new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      { method, headers, agent: false, ...(localAddress && { localAddress }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
