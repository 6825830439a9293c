/** Groups of the compact layout once everything is placed: inode addresses, runs of inodes, the pieces of a stretch. */

import { BLOCK_BYTES, DATA_LAYOUT, NID_BYTES } from "../image/constants.js";
import type { Inventory } from "./inventory.js";
import { NO_ORDINALS, type Piece, type PieceKind, type Plan } from "./plan.js";
import { lowerBound } from "./shapes.js";

/** A run of inodes in path order: at `block` the bins that it opened, then the content that is not inline. */
export interface Group {
  readonly firstBin: number;
  readonly binCount: number;
  readonly firstOrdinal: number;
  readonly endOrdinal: number;
  readonly block: number;
}

export interface Columns {
  readonly dataLayout: Uint8Array;
  readonly dataBlock: Uint32Array;
  readonly bin: Uint32Array;
  readonly binOffset: Uint16Array;
  /** Ordinals in the order in which they were placed: within a bin, ascending by offset. */
  readonly placed: Uint32Array;
}

/** Bytes of content that begin at a block of their own. */
export function outlineBytes(ordinal: number, inventory: Inventory, { dataLayout }: Columns): number {
  const content = inventory.contentBytes[ordinal] as number;
  return dataLayout[ordinal] === DATA_LAYOUT.flatInline ? content - (content % BLOCK_BYTES) : content;
}

/** Nids of all inodes, from the addresses of the groups' bins. */
export function nidsOf(groups: readonly Group[], { bin, binOffset }: Columns): Float64Array {
  const binBlock = new Float64Array(groups.reduce((sum, { binCount }) => sum + binCount, 0));
  for (const { firstBin, binCount, block } of groups) {
    for (let index = 0; index < binCount; index++) binBlock[firstBin + index] = block + index;
  }
  return Float64Array.from(bin, (own, ordinal) => {
    return ((binBlock[own] as number) * BLOCK_BYTES + (binOffset[ordinal] as number)) / NID_BYTES;
  });
}

/** Run k of inodes, the group's, is `ordinals[start[k] … start[k + 1]]`, ascending by nid. */
interface Runs {
  readonly start: Uint32Array;
  readonly ordinals: Uint32Array;
}

/** Ordinals by address, a run for each group's bins: a stable counting sort by bin, since bins have ascending addresses. */
export function runsOf(groups: readonly Group[], { bin, placed }: Columns): Runs {
  const binCount = groups.reduce((sum, group) => sum + group.binCount, 0);
  const next = new Uint32Array(binCount + 1);
  for (const own of bin) next[own + 1] = (next[own + 1] as number) + 1;
  for (let index = 0; index < binCount; index++)
    next[index + 1] = (next[index + 1] as number) + (next[index] as number);
  const start = Uint32Array.from([...groups.map(({ firstBin }) => next[firstBin] as number), bin.length]);
  const ordinals = new Uint32Array(bin.length);
  for (const ordinal of placed) {
    const own = bin[ordinal] as number;
    const at = next[own] as number;
    ordinals[at] = ordinal;
    next[own] = at + 1;
  }
  return { start, ordinals };
}

/** `Plan.piecesIn`: groups are searched by address, what lies in one is looked through. */
export function piecesOfGroups(
  groups: readonly Group[],
  inventory: Inventory,
  columns: Columns,
  sections: Plan["sections"],
): Plan["piecesIn"] {
  const runs = runsOf(groups, columns);
  const firstByte = Float64Array.from(groups, ({ block }) => block * BLOCK_BYTES);
  return (start, end) => {
    const pieces: Piece[] = [];
    const add = (kind: PieceKind, offset: number, sizeBytes: number, ordinal: number, ordinals = NO_ORDINALS): void => {
      if (sizeBytes === 0 || offset >= end || offset + sizeBytes <= start) return;
      pieces.push({ kind, offset, sizeBytes, ordinal, contentOffset: 0, ordinals });
    };
    const firstGroup = Math.max(0, lowerBound(firstByte, start + 1) - 1);
    for (let index = firstGroup; index < groups.length && (firstByte[index] as number) < end; index++) {
      const { block, binCount, firstOrdinal, endOrdinal } = groups[index] as Group;
      const run = runs.ordinals.subarray(runs.start[index], runs.start[index + 1]);
      add("inodes", block * BLOCK_BYTES, binCount * BLOCK_BYTES, 0, run);
      for (let ordinal = firstOrdinal; ordinal < endOrdinal; ordinal++) {
        const offset = (columns.dataBlock[ordinal] as number) * BLOCK_BYTES;
        if (offset >= end) break;
        add("content", offset, outlineBytes(ordinal, inventory, columns), ordinal);
      }
    }
    add("sections", sections.offset, sections.bytes.length, 0);
    return pieces;
  };
}
