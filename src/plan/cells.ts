/** Places directories in the directory table (docs/format.md 1.5): an edit elsewhere leaves a directory's inode where it is. */

import { BLOCK_BYTES, INODE_BYTES } from "../image/constants.js";
import { combine, jumpHash, mix, orderBy } from "./hash.js";

/** Cells of a block. */
export const BLOCK_CELLS = BLOCK_BYTES / INODE_BYTES;
/** Half of a table stays free, so that a directory more moves hardly any other. */
const DIRECTORIES_A_BLOCK = BLOCK_CELLS / 2;

const CELL_SALT = 0x6365_6c6c;

export const tableBlocksFor = (directories: number): number => Math.ceil(directories / DIRECTORIES_A_BLOCK);

/**
 * @param hashes path hashes of the directories, in path order
 * @returns the cell of each: block · 64 + place in the block
 */
export function assignCells(hashes: Uint32Array): Uint32Array {
  const blocks = tableBlocksFor(hashes.length);
  const last = blocks - 1;
  // The last block fills by and by: a whole one more at a time would move as many directories at once.
  const lastRoom = last === 0 ? BLOCK_CELLS : hashes.length - last * DIRECTORIES_A_BLOCK;
  const cells = new Uint32Array(hashes.length);
  const taken = new Uint8Array(blocks * BLOCK_CELLS);
  const inBlock = new Uint8Array(blocks);
  const order = orderBy(hashes);
  for (let at = 0; at < order.length; at++) {
    const index = order[at] as number;
    const key = combine(hashes[index] as number, CELL_SALT);
    let hash = key;
    let block = last;
    for (let probe = 1; ; probe++) {
      block = jumpHash(hash, blocks);
      // Where it would be with a block fewer.
      if (block === last && last > 0 && (inBlock[last] as number) >= lastRoom) block = jumpHash(hash, last);
      if ((inBlock[block] as number) < BLOCK_CELLS) break;
      hash = combine(key, probe);
    }
    let cell = mix(key) % BLOCK_CELLS;
    while (taken[block * BLOCK_CELLS + cell] === 1) cell = (cell + 1) % BLOCK_CELLS;
    inBlock[block] = (inBlock[block] as number) + 1;
    taken[block * BLOCK_CELLS + cell] = 1;
    cells[index] = block * BLOCK_CELLS + cell;
  }
  return cells;
}
