/**
 * Requests and answers as messages of a WebSocket, many under way at once (SPEC section 5). It is opened when the first
 * request is made, and again after it broke: whoever waited for an answer is told, and may ask again.
 */
import { CLIENT_ANSWER_BYTES_MAX, CLIENT_TIMEOUT_MS } from "../base/limits.ts";

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (cause: unknown) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class RpcSocket {
  readonly #url: string;
  #socket: Promise<WebSocket> | undefined;
  /** By the smallest id of each request's calls. */
  readonly #waiting = new Map<unknown, Waiting>();

  /** @param url ws: or wss: */
  constructor(url: string) {
    this.#url = url;
  }

  /**
   * The parsed answer to a request; rejects with the cause if there is none.
   * @param firstId the smallest id of its calls
   */
  async request(body: string, firstId: number): Promise<unknown> {
    this.#socket ??= this.#open();
    const socket = await this.#socket;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(firstId, new Error("no answer in time")), CLIENT_TIMEOUT_MS);
      this.#waiting.set(firstId, { resolve, reject, timer });
      socket.send(body);
    });
  }

  close(): void {
    this.#socket?.then(
      (socket) => socket.close(),
      () => undefined,
    );
  }

  #open(): Promise<WebSocket> {
    const socket = new WebSocket(this.#url);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.close(), CLIENT_TIMEOUT_MS);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(socket);
      };
      socket.onmessage = ({ data }) => this.#receive(data, socket);
      socket.onclose = ({ code, reason }) => {
        clearTimeout(timer);
        this.#socket = undefined;
        const cause = new Error(`the connection ended (${code}${reason === "" ? "" : `: ${reason}`})`);
        reject(cause);
        for (const id of [...this.#waiting.keys()]) this.#fail(id, cause);
      };
    });
  }

  #receive(data: unknown, socket: WebSocket): void {
    const answer =
      typeof data === "string" && data.length <= CLIENT_ANSWER_BYTES_MAX ? parsed(data) : undefined;
    const waiting = this.#take(idOf(answer));
    // Whose answer this is, nobody can tell: then nobody can be sure of theirs.
    if (waiting === undefined) socket.close();
    else waiting.resolve(answer);
  }

  #fail(id: unknown, cause: unknown): void {
    this.#take(id)?.reject(cause);
  }

  #take(id: unknown): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The id of an answer, the smallest one of a batch's. */
function idOf(answer: unknown): unknown {
  if (!Array.isArray(answer)) return (answer as { id?: unknown } | undefined | null)?.id;
  return Math.min(...answer.map((one) => Number(one?.id)));
}
