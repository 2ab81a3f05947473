/**
 * Answers requests, whatever brings them: an HTTP body or a message of a WebSocket. Those that look like appends go the
 * fast way, where the node has one, and all others, and what turns out to be more than valid appends, the ordinary one.
 */
import type { Place } from "../sequencing/intake.ts";
import type { Backend } from "./backend.ts";
import { type Answer, answer, fail, type Methods } from "./json-rpc.ts";
import { rpcMethods } from "./methods.ts";

export class Requests {
  readonly #methods: Methods;
  readonly #fastAppends: Backend["fastAppends"];

  constructor(backend: Backend) {
    this.#methods = rpcMethods(backend);
    this.#fastAppends = backend.fastAppends;
  }

  /** Keeps the next place in the order of arrival for a request that looks like appends, if there is room for it. */
  reserve(body: Buffer, source: string): Place | undefined {
    return this.#fastAppends?.reserve(body, source);
  }

  /** The answer, which gives the place up. Never throws. */
  async answer(body: Buffer, name: string, place = this.reserve(body, name)): Promise<Answer> {
    const fastAppends = this.#fastAppends;
    if (fastAppends === undefined || place === undefined) {
      return await answer(body.toString(), this.#methods, { name });
    }
    try {
      const fast = await fastAppends.answer(body, place);
      return fast ?? (await answer(body.toString(), this.#methods, { name, place }));
    } catch (error) {
      return fail(null, error);
    } finally {
      fastAppends.release(place);
    }
  }
}
