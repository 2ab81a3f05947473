/** The release, as package.json names it; `test/tidy.test.ts` holds the two together. */
export const VERSION = "0.1.0";
