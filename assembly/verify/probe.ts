/** What only tests and the start-up self-test call. */
import { ELEMENT, subtract } from "./field";

/** Room for the operands of a test. */
export const PROBE = memory.data(8 * ELEMENT, 16);

export function fieldSubtract(into: usize, a: usize, b: usize): void {
  subtract(into, a, b);
}
