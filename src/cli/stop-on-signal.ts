/**
 * How a command that runs until it is asked to stop does stop.
 */
import { describeError } from "../base/errors.ts";

/** The first signal stops the node in order; the second one at once. */
export function stopOnSignal(node: { close(): Promise<void> }): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    node.close().then(
      () => process.exit(0),
      (error) => {
        console.error(`sequencer: ${describeError(error)}`);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
