/**
 * The cleanup of what all tests of a file share. Only test files import it: it registers with their runner.
 */
import { after } from "node:test";
import { type Cleanup, defer } from "./cleanup.ts";

export const wholeFile: Cleanup = { after };

// Registered while the file is loaded: from within a hook it would run when the hook ends.
defer(wholeFile, () => undefined);
