/** A queue between who makes events and who takes them: nothing is dropped, and taking waits. */

export class EventQueue<T> {
  #waiting: T[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  push(item: T): void {
    this.#waiting.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still handed out. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      const items = this.#waiting;
      this.#waiting = [];
      yield* items;
      if (this.#waiting.length > 0) continue;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
