/** Which bytes have an owner: overlaps and gaps of many ranges. */

export class ByteRanges {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #order: number[] = [];

  /** Empty ranges are left out. */
  add(start: number, sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    this.#starts.push(start);
    this.#ends.push(start + sizeBytes);
  }

  /** @returns the first byte with two owners. Call before `gaps`. */
  sortAndFindOverlap(): number | undefined {
    const starts = this.#starts;
    this.#order = starts.map((_, index) => index).sort((a, b) => (starts[a] as number) - (starts[b] as number));
    let end = 0;
    for (const index of this.#order) {
      const start = starts[index] as number;
      if (start < end) return start;
      end = this.#ends[index] as number;
    }
    return undefined;
  }

  /** Bytes below `limit` without an owner, as [start, end). */
  *gaps(limit: number): Generator<[number, number]> {
    let end = 0;
    for (const index of this.#order) {
      const start = this.#starts[index] as number;
      if (start > end) yield [end, start];
      end = this.#ends[index] as number;
    }
    if (end < limit) yield [end, limit];
  }
}
