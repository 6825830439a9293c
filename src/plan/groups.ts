/** Groups of the compact layout once everything is placed: inode addresses, runs of inodes, the list of pieces. */

import { BLOCK_BYTES, DATA_LAYOUT, NID_BYTES } from "../image/constants.js";
import type { Inventory } from "./inventory.js";
import { PIECE, type Pieces, type Plan } from "./plan.js";

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

/** Ordinals by address, a run for each group's bins: a stable counting sort by bin, since bins have ascending addresses. */
export function runsOf(groups: readonly Group[], { bin, placed }: Columns): Pick<Plan, "runStart" | "runOrdinals"> {
  const binCount = groups.reduce((sum, group) => sum + group.binCount, 0);
  const next = new Uint32Array(binCount + 1);
  for (const own of bin) next[own + 1] = (next[own + 1] as number) + 1;
  for (let index = 0; index < binCount; index++)
    next[index + 1] = (next[index + 1] as number) + (next[index] as number);
  const runStart = Uint32Array.from([...groups.map(({ firstBin }) => next[firstBin] as number), bin.length]);
  const runOrdinals = new Uint32Array(bin.length);
  for (const ordinal of placed) {
    const own = bin[ordinal] as number;
    const at = next[own] as number;
    runOrdinals[at] = ordinal;
    next[own] = at + 1;
  }
  return { runStart, runOrdinals };
}

export function listPieces(
  groups: readonly Group[],
  inventory: Inventory,
  columns: Columns,
  sections: Plan["sections"],
): Pieces {
  const rows: number[] = [];
  const add = (kind: number, offset: number, sizeBytes: number, subject: number): void => {
    if (sizeBytes > 0) rows.push(kind, offset, sizeBytes, subject);
  };
  for (const [run, { block, binCount, firstOrdinal, endOrdinal }] of groups.entries()) {
    add(PIECE.inodes, block * BLOCK_BYTES, binCount * BLOCK_BYTES, run);
    for (let ordinal = firstOrdinal; ordinal < endOrdinal; ordinal++) {
      const offset = (columns.dataBlock[ordinal] as number) * BLOCK_BYTES;
      add(PIECE.content, offset, outlineBytes(ordinal, inventory, columns), ordinal);
    }
  }
  add(PIECE.sections, sections.offset, sections.bytes.length, 0);
  const count = rows.length / 4;
  const column = (index: number) => (_: unknown, row: number) => rows[row * 4 + index] as number;
  return {
    kind: Uint8Array.from({ length: count }, column(0)),
    offset: Float64Array.from({ length: count }, column(1)),
    sizeBytes: Float64Array.from({ length: count }, column(2)),
    subject: Uint32Array.from({ length: count }, column(3)),
  };
}
