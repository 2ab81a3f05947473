/** The part of fs-native-extensions that the project uses; the package ships no types. */
declare module "fs-native-extensions" {
  /** Takes an exclusive lock on an open file; false if somebody else has it. */
  export function tryLock(descriptor: number): boolean;
}
