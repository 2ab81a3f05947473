/** A child process that runs gossip-node.ts, and what it says. */
import { type ChildProcess, fork } from "node:child_process";
import type { Order, Report, Router } from "./gossip-node.ts";

export class NodeProcess {
  readonly #process: ChildProcess;
  readonly #reports: Report[] = [];
  #heard: (() => void) | undefined;

  constructor(router: Router, slow: number) {
    this.#process = fork(new URL("./gossip-node.ts", import.meta.url), [router, String(slow)]);
    this.#process.on("message", (report: Report) => {
      this.#reports.push(report);
      this.#heard?.();
    });
  }

  tell(order: Order): void {
    this.#process.send(order);
  }

  async hear<T extends Report["type"]>(type: T): Promise<Report & { type: T }> {
    for (;;) {
      const report = this.#reports.shift();
      if (report?.type === type) return report as Report & { type: T };
      if (report === undefined) await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }
}
