/** What the stable layout knows of each inode before anything is placed: how its content is kept and how much room it needs. */

import { fail, ok, type Result } from "../errors.js";
import {
  BLOCK_BYTES,
  CHUNK_BYTES,
  CHUNK_ENTRY_BYTES,
  DATA_LAYOUT,
  IMAGE_MAX_BYTES,
  INODE_BYTES,
  NID_BYTES,
  SEGMENT_BYTES,
} from "../image/constants.js";
import type { Inventory } from "./inventory.js";

/** Columns by ordinal; lists of ordinals are ascending. */
export interface Shapes {
  /** `SHAPE`: all that the place of an inode in its pack depends on, beside the hashes of paths. */
  readonly shape: Uint32Array;
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: Uint8Array;
  /** Bytes of content behind the inode. */
  readonly inlineBytes: Uint16Array;
  /** Inodes of which content is in objects of its own (chunks, or all at once); those of the k-th are numbered `ownFirst[k] … ownFirst[k + 1]`. */
  readonly ownOrdinal: Uint32Array;
  readonly ownFirst: Uint32Array;
  /** By position in `ownOrdinal`: blocks of the last of its objects; the others are whole chunks. */
  readonly ownLastBlocks: Uint16Array;
  /** Directories that lie in the directory table. */
  readonly cellOrdinal: Uint32Array;
  /** Of the root's inode, xattrs and chunk map. */
  readonly rootBytes: number;
}

/** Fields of `Shapes.shape`. */
export const SHAPE = {
  /** Units of 32 bytes in the pack's inode blocks; 0 for the root and what lies in the directory table. At most 2¹⁵. */
  units: 0xffff,
  /** Bits 16–23: blocks of content in the pack. */
  blocksShift: 16,
  blocksMask: 0xff,
  /** A pack begins here. */
  cut: 0x100_0000,
} as const;

/** Content and item that need more blocks together than this are apart: the content is an object of its own. */
const PACKED_BLOCKS_MAX = 64;
const SEGMENT_UNITS = SEGMENT_BYTES / NID_BYTES;

/** Of one inode: takes it in, then says what came out. */
export class Shaper {
  shape = 0;
  dataLayout = 0;
  inlineBytes = 0;
  /** Number of objects of its own, and blocks of the last of them. */
  own = 0;
  lastBlocks = 0;
  inTable = false;
  /** Of the root. */
  rootBytes = INODE_BYTES;

  /** @returns whether it can be in an image */
  take({ contentBytes, headBytes, isDirectory, mappable }: Inventory, ordinal: number): boolean {
    const content = contentBytes[ordinal] as number;
    const head = headBytes[ordinal] as number;
    let itemBytes = head;
    let blocks = 0;
    let own = 0;
    this.dataLayout = 0;
    this.inlineBytes = 0;
    this.lastBlocks = CHUNK_BYTES / BLOCK_BYTES;
    this.inTable = false;
    if (content >= CHUNK_BYTES) {
      this.dataLayout = DATA_LAYOUT.chunkBased;
      own = Math.floor(content / CHUNK_BYTES);
      blocks = Math.ceil((content - own * CHUNK_BYTES) / BLOCK_BYTES);
      itemBytes += CHUNK_ENTRY_BYTES * (blocks > 0 ? own + 1 : own);
    } else if (ordinal === 0 || head === INODE_BYTES) {
      if (isDirectory[ordinal] === 1) {
        this.inTable = ordinal > 0;
        itemBytes = 0;
      }
    }
    if (content < CHUNK_BYTES && content > 0) {
      const tail = content & (BLOCK_BYTES - 1);
      if (itemBytes > 0 && tail > 0 && head + tail <= BLOCK_BYTES && mappable[ordinal] === 0) {
        this.dataLayout = DATA_LAYOUT.flatInline;
        this.inlineBytes = tail;
        itemBytes += tail;
        blocks = (content - tail) / BLOCK_BYTES;
      } else {
        blocks = Math.ceil(content / BLOCK_BYTES);
      }
    }
    if (ordinal === 0) {
      this.rootBytes = Math.max(head, itemBytes);
      itemBytes = 0;
    }
    if (blocks > 0 && blocks + Math.max(1, Math.ceil(itemBytes / BLOCK_BYTES)) > PACKED_BLOCKS_MAX) {
      own++;
      this.lastBlocks = blocks;
      blocks = 0;
    }
    this.own = own;
    const units = Math.ceil(itemBytes / NID_BYTES);
    this.shape = units | (blocks << SHAPE.blocksShift);
    return units <= SEGMENT_UNITS;
  }
}

/** Whether so many objects of content apart are more than an image can have. */
export const tooManyOwned = (owned: number): boolean => owned * SEGMENT_BYTES > IMAGE_MAX_BYTES;

/** @param cuts ordinals before which a pack must end, ascending */
export function takeShapes(inventory: Inventory, cuts: readonly number[]): Result<Shapes> {
  const { count } = inventory;
  const shape = new Uint32Array(count);
  const dataLayout = new Uint8Array(count);
  const inlineBytes = new Uint16Array(count);
  const ownOrdinal: number[] = [];
  const ownFirst: number[] = [0];
  const ownLastBlocks: number[] = [];
  const cellOrdinal: number[] = [];
  const shaper = new Shaper();
  let owned = 0;

  for (let ordinal = 0; ordinal < count; ordinal++) {
    const fits = shaper.take(inventory, ordinal);
    owned += shaper.own;
    if (!fits || tooManyOwned(owned)) {
      return fail("image-too-large", { detail: String(inventory.contentBytes[ordinal]) });
    }
    shape[ordinal] = shaper.shape;
    dataLayout[ordinal] = shaper.dataLayout;
    inlineBytes[ordinal] = shaper.inlineBytes;
    if (shaper.inTable) cellOrdinal.push(ordinal);
    if (shaper.own > 0) {
      ownOrdinal.push(ordinal);
      ownFirst.push(owned);
      ownLastBlocks.push(shaper.lastBlocks);
    }
  }
  for (const ordinal of cuts) shape[ordinal] = (shape[ordinal] as number) | SHAPE.cut;
  return ok({
    shape,
    dataLayout,
    inlineBytes,
    ownOrdinal: Uint32Array.from(ownOrdinal),
    ownFirst: Uint32Array.from(ownFirst),
    ownLastBlocks: Uint16Array.from(ownLastBlocks),
    cellOrdinal: Uint32Array.from(cellOrdinal),
    rootBytes: shaper.rootBytes,
  });
}

/** Blocks of content in the pack. */
export const packedBlocks = (shape: number): number => (shape >>> SHAPE.blocksShift) & SHAPE.blocksMask;

/** Index of `ordinal` in `ownOrdinal`, or −1. */
export function ownIndex({ ownOrdinal }: Shapes, ordinal: number): number {
  const at = lowerBound(ownOrdinal, ordinal);
  return ownOrdinal[at] === ordinal ? at : -1;
}

/** Least index of an ascending list whose value is at least `value`. */
export function lowerBound(list: Uint32Array | Float64Array, value: number): number {
  let from = 0;
  for (let to = list.length; from < to; ) {
    const middle = (from + to) >>> 1;
    if ((list[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
