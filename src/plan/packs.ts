/** Cuts the inodes of a tree, in path order, into packs, and places what lies in them (docs/format.md 1.5). */

import { BLOCK_BYTES, NID_BYTES } from "../image/constants.js";
import { type InodePairs, pieceOf } from "./inode-pairs.js";
import { PackBins } from "./pack-bins.js";
import { lowerBound, packedBlocks, SHAPE } from "./shapes.js";

export interface Packs {
  readonly count: number;
  /** First ordinal of each pack; one more, the number of inodes. */
  readonly start: Uint32Array;
  /** By pack: the first ordinal that its cut does not depend on. */
  readonly limit: Uint32Array;
  /** By pack: blocks of content at its start, and of inodes at its end. */
  readonly dataBlocks: Uint16Array;
  readonly inodeBlocks: Uint16Array;
  /** By ordinal: units of 32 bytes from the inode to the end of its pack; 0 for what does not lie in a pack. */
  readonly unit: Uint16Array;
  /** By ordinal: blocks from the beginning of the pack to its content; 0 without content in the pack. */
  readonly block: Uint8Array;
}

/** What a pack is cut from. */
export interface PackInput {
  readonly shape: Uint32Array;
  readonly pathHash: Uint32Array;
}

/** An earlier cut, of which packs are taken over where they would come out the same. */
export interface EarlierPacks extends PackInput {
  readonly packs: Packs;
  /** The ordinal that an inode had then, or `NO_ROW`. A hint only. */
  readonly ordinalThen: (ordinal: number) => number;
}

/** Before a pack has so many blocks it ends only where it must. */
const LEAST_BLOCKS = 16;
/** It ends before an inode whose hash is below its share of this many blocks: so packs have about 48, wherever they begin. */
const MEAN_BLOCKS = 32;
/** Where no hash was that low, the greatest hash from here on decides. */
const LATE_BLOCKS = 64;
/** A pack has no more, unless one inode with xattrs or a chunk map needs them. */
const MOST_BLOCKS = 96;

const BLOCK_UNITS = BLOCK_BYTES / NID_BYTES;
const HASHES_A_UNIT = 2 ** 32 / (MEAN_BLOCKS * BLOCK_UNITS);

/** Whether a pack that is large enough ends before this inode, whatever comes before and after: the larger, the likelier. */
const endsBefore = (shape: number, hash: number): boolean =>
  hash < HASHES_A_UNIT * ((shape & SHAPE.units) + packedBlocks(shape) * BLOCK_UNITS);

/** Packs that are taken over together: so many from `first` on are those from `old` on of the earlier cut. */
export interface KeptPacks {
  readonly first: number;
  readonly old: number;
  readonly length: number;
}

/** What is known of an earlier cut's inodes, so that packs need not be compared. */
export interface KnownInodes {
  readonly pairs: InodePairs;
  /** Ordinals of the new cut, ascending, that are new or of which the shape differs. */
  readonly reshaped: Uint32Array;
}

export const packBlocks = ({ dataBlocks, inodeBlocks }: Packs, pack: number): number =>
  (dataBlocks[pack] as number) + (inodeBlocks[pack] as number);

export function cutPacks(input: PackInput, earlier?: EarlierPacks): Packs {
  const cutter = new PackCutter(input, earlier);
  const count = input.shape.length;
  for (let start = 0; start < count; ) start = cutter.takeOver(start) ?? cutter.cut(start);
  return cutter.packs();
}

/** What `cutPacks` gives, and which packs are the earlier ones; those themselves where all are. */
export function updatePacks(
  input: PackInput,
  earlier: PackInput & { readonly packs: Packs },
  known: KnownInodes,
): { readonly packs: Packs; readonly kept: readonly KeptPacks[] } {
  const { packs } = earlier;
  if (known.pairs.isIdentity && known.reshaped.length === 0) {
    return { packs, kept: [{ first: 0, old: 0, length: packs.count }] };
  }
  const cutter = new PackCutter(input, undefined);
  const kept: KeptPacks[] = [];
  const count = input.shape.length;
  for (let start = 0; start < count; ) {
    const same = samePacks(start, count, packs, known);
    if (same !== undefined) {
      kept.push({ first: cutter.count, ...same });
      start = cutter.keep(start, packs, same.old, same.length);
    } else {
      start = cutter.cut(start);
    }
  }
  return { packs: cutter.packs(), kept };
}

/** The packs of the earlier cut that begin where one begins now and of which nothing that their cuts depend on has changed. */
function samePacks(
  start: number,
  count: number,
  packs: Packs,
  { pairs, reshaped }: KnownInodes,
): { readonly old: number; readonly length: number } | undefined {
  const piece = pieceOf(pairs.pieces, start);
  if (piece === undefined) return undefined;
  const shift = piece.old - piece.first;
  const then = lowerBound(packs.start, start + shift);
  if (then >= packs.count || packs.start[then] !== start + shift) return undefined;
  const changed = reshaped[lowerBound(reshaped, start)] ?? count;
  const end = Math.min(piece.first + piece.length, changed);
  const countThen = packs.start[packs.count] as number;
  let last = then;
  for (; last < packs.count && (packs.limit[last] as number) - shift <= end; last++) {
    // The last pack ends where the tree does.
    if (packs.start[last + 1] === countThen && countThen - shift !== count) break;
  }
  return last > then ? { old: then, length: last - then } : undefined;
}

class PackCutter {
  readonly #shape: Uint32Array;
  readonly #pathHash: Uint32Array;
  readonly #earlier: EarlierPacks | undefined;
  readonly #unit: Uint16Array;
  readonly #block: Uint8Array;
  readonly #bins = new PackBins();
  readonly #start: number[] = [];
  readonly #limit: number[] = [];
  readonly #dataBlocks: number[] = [];
  readonly #inodeBlocks: number[] = [];

  constructor({ shape, pathHash }: PackInput, earlier: EarlierPacks | undefined) {
    this.#shape = shape;
    this.#pathHash = pathHash;
    this.#earlier = earlier;
    this.#unit = new Uint16Array(shape.length);
    this.#block = new Uint8Array(shape.length);
  }

  packs(): Packs {
    return {
      count: this.#start.length,
      start: new Uint32Array([...this.#start, this.#shape.length]),
      limit: new Uint32Array(this.#limit),
      dataBlocks: new Uint16Array(this.#dataBlocks),
      inodeBlocks: new Uint16Array(this.#inodeBlocks),
      unit: this.#unit,
      block: this.#block,
    };
  }

  /** Packs so far. */
  get count(): number {
    return this.#start.length;
  }

  /** Takes over `length` packs of an earlier cut, from `first` on. @returns where the next pack begins */
  keep(start: number, packs: Packs, first: number, length: number): number {
    const then = packs.start[first] as number;
    const end = packs.start[first + length] as number;
    const shift = start - then;
    this.#unit.set(packs.unit.subarray(then, end), start);
    this.#block.set(packs.block.subarray(then, end), start);
    for (let pack = first; pack < first + length; pack++) {
      const limit = (packs.limit[pack] as number) + shift;
      const blocks = packs.dataBlocks[pack] as number;
      this.#end((packs.start[pack] as number) + shift, end, limit, blocks, packs.inodeBlocks[pack] as number);
    }
    return end + shift;
  }

  /** @returns where the next pack begins */
  cut(start: number): number {
    const shapes = this.#shape;
    const bins = this.#bins;
    bins.clear();
    let data = 0;
    let bestHash = -1;
    let end = start;
    let [endData, endInodes] = [0, 0];
    let ordinal = start;
    for (; ordinal < shapes.length; ordinal++) {
      const shape = shapes[ordinal] as number;
      const used = data + bins.count;
      const hash = this.#pathHash[ordinal] as number;
      if (ordinal > start && ((shape & SHAPE.cut) !== 0 || (used >= LEAST_BLOCKS && endsBefore(shape, hash)))) {
        return this.#end(start, ordinal, ordinal + 1, data, bins.count);
      }
      // Before that size only the last cut that fits is kept, should none that is large enough come.
      if (used >= LATE_BLOCKS ? hash > bestHash : bestHash < 0) {
        end = ordinal;
        endData = data;
        endInodes = bins.count;
        if (used >= LATE_BLOCKS) bestHash = hash;
      }
      const blocks = packedBlocks(shape);
      this.#block[ordinal] = blocks > 0 ? data : 0;
      data += blocks;
      const units = shape & SHAPE.units;
      this.#unit[ordinal] = units > 0 ? bins.place(units) : 0;
      if (data + bins.count > MOST_BLOCKS && ordinal > start) {
        return this.#end(start, end, ordinal + 1, endData, endInodes);
      }
    }
    return this.#end(start, ordinal, ordinal, data, bins.count);
  }

  #end(start: number, end: number, limit: number, dataBlocks: number, inodeBlocks: number): number {
    this.#start.push(start);
    this.#limit.push(limit);
    this.#dataBlocks.push(dataBlocks);
    this.#inodeBlocks.push(inodeBlocks);
    return end;
  }

  /** @returns where the next pack begins, or undefined where the earlier cut says nothing about a pack from `start` on */
  takeOver(start: number): number | undefined {
    const earlier = this.#earlier;
    if (earlier === undefined) return undefined;
    const { packs, shape, pathHash } = earlier;
    const then = earlier.ordinalThen(start);
    const index = lowerBound(packs.start, then);
    if (index >= packs.count || packs.start[index] !== then) return undefined;
    const end = packs.start[index + 1] as number;
    const looked = (packs.limit[index] as number) - then;
    const left = this.#shape.length - start;
    // The last pack ends where the tree does.
    if (end === shape.length ? left !== looked : left < looked) return undefined;
    for (let offset = 0; offset < looked; offset++) {
      if (this.#shape[start + offset] !== shape[then + offset]) return undefined;
      if (this.#pathHash[start + offset] !== pathHash[then + offset]) return undefined;
    }
    this.#unit.set(packs.unit.subarray(then, end), start);
    this.#block.set(packs.block.subarray(then, end), start);
    const next = start + end - then;
    return this.#end(
      start,
      next,
      start + looked,
      packs.dataBlocks[index] as number,
      packs.inodeBlocks[index] as number,
    );
  }
}
