/** Packs inodes with their inline tails into blocks: best fit first, so that little of a block stays empty. */

import { BLOCK_BYTES, NID_BYTES } from "../image/constants.js";

const SLOTS = BLOCK_BYTES / NID_BYTES;
const LOOK_BACK = 8;

/** A place in a bin: bins become blocks once their addresses are known. */
export interface Place {
  readonly bin: number;
  readonly offset: number;
}

/**
 * Places items of 32-byte granularity. An item never straddles a block unless it is larger than one; then it takes
 * consecutive fresh bins, of which the last stays open for others.
 */
export class BinPacker {
  /** Bytes taken in each bin. */
  readonly #used: number[] = [];
  /** Bins by free slots: each bucket holds bins in the order in which they got there. */
  readonly #buckets: number[][] = Array.from({ length: SLOTS + 1 }, () => []);

  /** Number of bins so far: the next fresh one has this number. */
  get count(): number {
    return this.#used.length;
  }

  /**
   * @param sizeBytes of the item, more than 0
   * @param fromBin bins before it are not considered
   */
  place(sizeBytes: number, fromBin = 0): Place {
    if (sizeBytes > BLOCK_BYTES) return this.#placeLarge(sizeBytes);
    const slots = Math.ceil(sizeBytes / NID_BYTES);
    for (let free = slots; free <= SLOTS; free++) {
      const bin = this.#removeNewest(this.#buckets[free] as number[], fromBin);
      if (bin !== undefined) return this.#take(bin, slots);
    }
    const bin = this.#used.push(0) - 1;
    return this.#take(bin, slots);
  }

  /** The bin that got into the bucket last, among the newest few; a full search would cost more than it packs. */
  #removeNewest(bucket: number[], fromBin: number): number | undefined {
    const stop = Math.max(0, bucket.length - LOOK_BACK);
    for (let index = bucket.length - 1; index >= stop; index--) {
      if ((bucket[index] as number) >= fromBin) return bucket.splice(index, 1)[0];
    }
    return undefined;
  }

  /** Appends an item to a bin that is not in any bucket. */
  #take(bin: number, slots: number): Place {
    const offset = this.#used[bin] as number;
    this.#used[bin] = offset + slots * NID_BYTES;
    this.#file(bin);
    return { bin, offset };
  }

  #placeLarge(sizeBytes: number): Place {
    const bin = this.count;
    let rest = sizeBytes;
    for (; rest > BLOCK_BYTES; rest -= BLOCK_BYTES) this.#used.push(BLOCK_BYTES);
    this.#file(this.#used.push(Math.ceil(rest / NID_BYTES) * NID_BYTES) - 1);
    return { bin, offset: 0 };
  }

  #file(bin: number): void {
    const free = SLOTS - (this.#used[bin] as number) / NID_BYTES;
    // A bin too full for any inode need not be looked at again.
    if (free >= 2) (this.#buckets[free] as number[]).push(bin);
  }
}
