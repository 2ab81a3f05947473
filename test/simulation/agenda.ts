/** What happens when: a binary heap over (time, insertion order). Equal times keep their order, so runs repeat exactly. */

interface Item<T> {
  readonly time: number;
  readonly serial: number;
  readonly value: T;
}

export class Agenda<T> {
  readonly #heap: Item<T>[] = [];
  #serial = 0;

  get nextTime(): number | undefined {
    return this.#heap[0]?.time;
  }

  add(time: number, value: T): void {
    const heap = this.#heap;
    const item = { time, serial: this.#serial++, value };
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = item;
  }

  take(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || first === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.value;
  }

  #sink(item: Item<T>): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, item)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = item;
  }
}

function before<T>(a: Item<T>, b: Item<T>): boolean {
  return a.time < b.time || (a.time === b.time && a.serial < b.serial);
}
