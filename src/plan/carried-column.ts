/** Columns by ordinal of a new plan that are mostly those of an earlier one. */

import type { InodePairs } from "./inode-pairs.js";

type Cells = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** What the earlier column holds of each inode that was there, 0 for new ones: the earlier column itself until a value differs. */
export class CarriedColumn<Column extends Cells> {
  #cells: Column;
  #isShared: boolean;

  constructor(earlier: Column, pairs: InodePairs) {
    this.#isShared = pairs.isIdentity;
    this.#cells = pairs.isIdentity ? earlier : carried(earlier, pairs);
  }

  get cells(): Column {
    return this.#cells;
  }

  at(ordinal: number): number {
    return this.#cells[ordinal] as number;
  }

  set(ordinal: number, value: number): void {
    if (this.#cells[ordinal] === value) return;
    if (this.#isShared) {
      this.#cells = this.#cells.slice() as Column;
      this.#isShared = false;
    }
    this.#cells[ordinal] = value;
  }
}

/** A copy in which new inodes have 0. */
export function carried<Column extends Cells>(earlier: Column, { count, pieces }: InodePairs): Column {
  const cells = new (earlier.constructor as new (length: number) => Column)(count);
  for (const { first, old, length } of pieces) cells.set(earlier.subarray(old, old + length), first);
  return cells;
}
