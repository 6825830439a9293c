/** Columns that grow, each in an ArrayBuffer of its own, so that a batch can be handed to a thread without copying. */

export class OwnBytes {
  #bytes: Buffer<ArrayBuffer>;
  length = 0;

  /** @param capacity a guess, in bytes */
  constructor(capacity: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(Math.max(64, capacity)));
  }

  /** Replaced when it grows. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.#bytes;
  }

  /** @returns where `sizeBytes` new bytes begin; they are zero */
  grow(sizeBytes: number): number {
    const at = this.length;
    this.length += sizeBytes;
    if (this.length > this.#bytes.length) {
      const larger = Buffer.from(new ArrayBuffer(Math.max(this.length, 2 * this.#bytes.length)));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }

  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer, 0, this.length);
  }
}

export class Numbers {
  #values: Float64Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  push2(a: number, b: number): void {
    const at = this.#room(2);
    this.#values[at] = a;
    this.#values[at + 1] = b;
  }

  push3(a: number, b: number, c: number): void {
    this.set3(this.#room(3), a, b, c);
  }

  set3(at: number, a: number, b: number, c: number): void {
    this.#values[at] = a;
    this.#values[at + 1] = b;
    this.#values[at + 2] = c;
  }

  take(): Float64Array<ArrayBuffer> {
    return this.#values.subarray(0, this.#length);
  }

  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    return at;
  }
}
