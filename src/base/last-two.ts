/**
 * What was made of the last two keys, by identity. For what comes in runs: a WeakMap would serve as well, but V8 moves
 * its values to the old generation however short their keys live, and collects the whole heap to be rid of them.
 */
export class LastTwo<Key extends object, Value> {
  readonly #make: (key: Key) => Value;
  #last: { readonly key: Key; readonly value: Value } | undefined;
  #lastButOne: { readonly key: Key; readonly value: Value } | undefined;

  constructor(make: (key: Key) => Value) {
    this.#make = make;
  }

  /** The value that was made of this key, or is made now. */
  of(key: Key): Value {
    if (this.#last?.key === key) return this.#last.value;
    const known = this.#lastButOne?.key === key ? this.#lastButOne : { key, value: this.#make(key) };
    this.#lastButOne = this.#last;
    this.#last = known;
    return known.value;
  }
}
