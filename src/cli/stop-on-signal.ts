/**
 * How a command that runs until it is asked to stop does stop.
 */
import { describeError } from "../base/errors.ts";

/**
 * The first signal stops the node in order; the second one at once. Before there is a node nothing was accepted, and
 * every step of a start can be cut off without harm: then the process just ends.
 * @returns takes the node once it runs
 */
export function stopOnSignal(): (node: { close(): Promise<void> }) => void {
  let running: { close(): Promise<void> } | undefined;
  let isStopping = false;
  const stop = (): void => {
    if (running === undefined) process.exit(0);
    if (isStopping) process.exit(1);
    isStopping = true;
    running.close().then(
      () => process.exit(0),
      (error) => {
        console.error(`sequencer: ${describeError(error)}`);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return (node) => {
    running = node;
  };
}
