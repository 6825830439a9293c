/** Inode blocks of one pack: items by online best fit, blocks taken from the end of the pack downward. */

import { BLOCK_BYTES, NID_BYTES } from "../image/constants.js";
import { SLOT_BLOCKS } from "./slots.js";

const BLOCK_UNITS = BLOCK_BYTES / NID_BYTES;
const NONE = -1;
/** A block with less room than an inode needs is full. */
const LEAST_UNITS = 2;

/**
 * Bin k is the pack's block k from its end. An item goes to the fullest bin that has room for it, among equals to the one
 * that an item went to last; larger ones than a block take consecutive fresh blocks, of which the one with their end stays open.
 */
export class PackBins {
  /** Number of blocks in use. */
  count = 0;
  /** Lists of bins by free units: the first, and by bin the next. */
  readonly #first = new Int16Array(BLOCK_UNITS).fill(NONE);
  /** A pack is given up beyond the blocks of a slot, which may happen by an item that needs as many. */
  readonly #next = new Int16Array(2 * SLOT_BLOCKS + 1);
  /** Bit per list that is not empty. */
  readonly #filled = new Uint32Array(BLOCK_UNITS / 32);

  clear(): void {
    this.count = 0;
    this.#first.fill(NONE);
    this.#filled.fill(0);
  }

  /**
   * @param units of 32 bytes, at least 2
   * @returns units from the beginning of the item to the end of the pack
   */
  place(units: number): number {
    if (units > BLOCK_UNITS) return this.#placeLarge(units);
    const free = this.#leastFree(units);
    let bin: number;
    if (free === NONE) {
      bin = this.count++;
      this.#file(bin, BLOCK_UNITS - units);
      return (bin + 1) * BLOCK_UNITS;
    }
    bin = this.#first[free] as number;
    const next = this.#next[bin] as number;
    this.#first[free] = next;
    if (next === NONE) this.#filled[free >>> 5] = (this.#filled[free >>> 5] as number) & ~(1 << (free & 31));
    this.#file(bin, free - units);
    return bin * BLOCK_UNITS + free;
  }

  #placeLarge(units: number): number {
    const blocks = Math.ceil(units / BLOCK_UNITS);
    const bin = this.count;
    this.count += blocks;
    this.#file(bin, blocks * BLOCK_UNITS - units);
    return this.count * BLOCK_UNITS;
  }

  #file(bin: number, free: number): void {
    if (free < LEAST_UNITS) return;
    this.#next[bin] = this.#first[free] as number;
    this.#first[free] = bin;
    this.#filled[free >>> 5] = (this.#filled[free >>> 5] as number) | (1 << (free & 31));
  }

  #leastFree(units: number): number {
    let word = units >>> 5;
    if (word >= this.#filled.length) return NONE;
    let bits = (this.#filled[word] as number) & (-1 << (units & 31));
    while (bits === 0) {
      if (++word === this.#filled.length) return NONE;
      bits = this.#filled[word] as number;
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }
}
