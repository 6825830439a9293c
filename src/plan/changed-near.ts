/** Which inodes and contents differ from an earlier image's, found from the rows that differ and the objects that moved. */

import { NO_ROW, type NodeTable, ROW } from "../model.js";
import { rowFormat, S_IFDIR } from "../tree/row.js";
import { BLOCK_CELLS } from "./cells.js";
import { CHANGED, type InodeChanges, InodeComparison } from "./changed-inodes.js";
import { type InodePairs, OrdinalMap, pairInodes } from "./inode-pairs.js";
import { MovedObjects } from "./moved-objects.js";
import type { RowDelta } from "./row-delta.js";
import { lowerBound, ownIndex } from "./shapes.js";
import { SLOT_BLOCKS, SLOT_GRANULES } from "./slots.js";
import type { StablePlan } from "./stable.js";
import { numbersAreTooLarge } from "./stable-addresses.js";

/** @returns what `changedInodes` does, or undefined where that has to be asked */
export function changedNear(
  previous: StablePlan,
  next: StablePlan,
  origin: Uint32Array,
  contentChanged: Uint8Array,
  delta: RowDelta,
): InodeChanges | undefined {
  const comparison = new InodeComparison(previous, next, contentChanged);
  if (!comparison.samePolicies || numbersAreTooLarge(Math.max(previous.sizeBytes, next.sizeBytes))) return undefined;
  const pairs = pairInodes(previous.inventory, next.inventory.tree, origin, delta);
  return pairs && new NearbyChanges(previous, next, pairs, comparison).find(contentChanged);
}

class NearbyChanges {
  readonly #previous: StablePlan;
  readonly #next: StablePlan;
  readonly #pairs: InodePairs;
  readonly #comparison: InodeComparison;
  readonly #map: OrdinalMap;
  readonly #flags: Uint8Array;
  /** Ordinals with flags. */
  readonly #flagged = new Set<number>();
  /** Ordinals of new inodes and of those at another address. */
  readonly #moved = new Set<number>();

  constructor(previous: StablePlan, next: StablePlan, pairs: InodePairs, comparison: InodeComparison) {
    this.#previous = previous;
    this.#next = next;
    this.#pairs = pairs;
    this.#comparison = comparison;
    this.#map = new OrdinalMap(pairs);
    this.#flags = new Uint8Array(next.inventory.count);
  }

  find(contentChanged: Uint8Array): InodeChanges {
    const { ordinal } = this.#next.inventory;
    for (const own of this.#pairs.freshOrdinals) this.#visit(own);
    for (const row of this.#pairs.changedRows) {
      const own = ordinal[row] as number;
      this.#visit(own);
      const old = this.#map.before(own);
      if (old !== NO_ROW) this.#add(own, this.#comparison.xattrFlags(own, old));
    }
    for (const row of this.#pairs.directories) this.#visit(ordinal[row] as number);
    for (const row of marked(contentChanged)) if (ordinal[row] !== NO_ROW) this.#visit(ordinal[row] as number);

    const objects = new MovedObjects(this.#previous, this.#next, this.#pairs, this.#map);
    const touched = [...this.#flagged];
    objects.compare(touched, (own) => this.#visit(own));
    this.#addDirents();

    const { slots } = objects;
    const cells: number[] = [];
    for (const own of this.#flagged) this.#addSlotsOf(own, slots, cells);
    return {
      flags: this.#flags,
      before: (own) => this.#map.before(own),
      only: {
        slots: [...slots].filter((slot) => slot > 0 && slot < this.#next.slotCount).sort((a, b) => a - b),
        cells: objects.sameCells ? cells.sort((a, b) => a - b) : undefined,
      },
    };
  }

  #visit(ordinal: number): void {
    const old = this.#map.before(ordinal);
    this.#add(ordinal, this.#comparison.flagsOf(ordinal, old));
    if (old === NO_ROW || this.#next.nid[ordinal] !== this.#previous.nid[old]) this.#moved.add(ordinal);
  }

  #add(ordinal: number, flags: number): void {
    if (flags === 0) return;
    this.#flags[ordinal] = (this.#flags[ordinal] as number) | flags;
    this.#flagged.add(ordinal);
  }

  /** A directory's dirents say where it, its parent and its children lie, and what these are called. */
  #addDirents(): void {
    const { inventory } = this.#next;
    const { tree, row, ordinal, parent, nlink, isDirectory } = inventory;
    const { table } = tree;
    const before = this.#previous.inventory;
    let haveNames = false;
    for (const own of this.#moved) {
      const at = row[own] as number;
      if (at > 0) this.#add(parent[own] as number, CHANGED.content);
      if (isDirectory[own] === 0) {
        if ((nlink[own] as number) > 1) haveNames = true;
        continue;
      }
      this.#add(own, CHANGED.content);
      const end = table.end[at] as number;
      for (let child = at + 1; child < end; child = table.end[child] as number) {
        if (rowFormat(table, child) !== S_IFDIR || ordinal[child] === NO_ROW) continue;
        this.#add(ordinal[child] as number, CHANGED.content);
      }
    }
    if (haveNames) this.#addOtherNames();
    for (const at of this.#pairs.directories) {
      const own = ordinal[at] as number;
      const old = this.#map.before(own);
      if (old === NO_ROW) continue;
      const namesThen = selectedNames(before.tree.table, before.row[old] as number);
      if (selectedNames(table, at) !== namesThen) this.#add(own, CHANGED.content);
    }
  }

  /** Directories of the later names of inodes that moved. */
  #addOtherNames(): void {
    const { tree, row, ordinal } = this.#next.inventory;
    const { table } = tree;
    const moved = new Uint8Array(row.length);
    for (const own of this.#moved) moved[own] = 1;
    for (let at = 1; at < table.count; at++) {
      const own = ordinal[at] as number;
      if (moved[own] === 1) this.#add(ordinal[table.parent[at] as number] as number, CHANGED.content);
    }
  }

  /** Where an inode and its content lie. */
  #addSlotsOf(ordinal: number, slots: Set<number>, cells: number[]): void {
    const { packs, shapes, objectPlace, cell, headerBlocks } = this.#next;
    const add = (object: number): void => {
      slots.add(Math.floor((objectPlace[object] as number) / SLOT_GRANULES));
    };
    add(lowerBound(packs.start, ordinal + 1) - 1);
    const own = ownIndex(shapes, ordinal);
    if (own >= 0) {
      const end = shapes.ownFirst[own + 1] as number;
      for (let object = shapes.ownFirst[own] as number; object < end; object++) add(packs.count + object);
    }
    const at = lowerBound(shapes.cellOrdinal, ordinal);
    if (shapes.cellOrdinal[at] !== ordinal) return;
    const block = Math.floor((cell[at] as number) / BLOCK_CELLS);
    cells.push(cell[at] as number);
    const elsewhere = headerBlocks + block - SLOT_BLOCKS;
    const owned = shapes.ownFirst.at(-1) as number;
    if (elsewhere >= 0) add(packs.count + owned + Math.floor(elsewhere / SLOT_BLOCKS));
  }
}

/** Positions that are not 0. */
function marked(bytes: Uint8Array): number[] {
  const found: number[] = [];
  const words =
    bytes.byteOffset % 4 === 0
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
      : new Uint32Array(0);
  const look = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (bytes[at] !== 0) found.push(at);
  };
  for (let word = 0; word < words.length; word++) if (words[word] !== 0) look(4 * word, 4 * word + 4);
  look(4 * words.length, bytes.length);
  return found;
}

function selectedNames(table: NodeTable, directory: number): number {
  let names = 0;
  const end = table.end[directory] as number;
  for (let row = directory + 1; row < end; row = table.end[row] as number) {
    if (((table.flags[row] as number) & ROW.selected) !== 0) names++;
  }
  return names;
}
