/** Masks of a stretch's blocks (bit k & 7 of byte k >> 3 is block k's), and the writing of what differs from the earlier image alone. */

import { ok, type Result } from "../errors.js";
import { BLOCK_BYTES } from "../image/constants.js";
import { addon } from "../native/addon.js";
import { type Target, writeErrno } from "./target.js";

/** Shorter runs of blocks that became zeros are written: a hole costs the file system an extent. */
const PUNCH_MIN_BLOCKS = 16;
const NO_PARTS = new Float64Array(0);

/** @returns the mask, with the bits of a stretch's blocks set */
export function allBlocks<T extends Uint8Array>(mask: T, sizeBytes: number): T {
  addon.markBlocks(mask, sizeBytes, Float64Array.of(0, sizeBytes), NO_PARTS);
  return mask;
}

/** Calls `each` for every run of set bits, with byte positions [start, end) from the stretch's start. */
export function forEachRun(mask: Uint8Array, each: (start: number, end: number) => void): void {
  const blocks = 8 * mask.length;
  for (let block = 0; block < blocks; block++) {
    // Most bytes are zero.
    if ((block & 7) === 0 && mask[block >> 3] === 0) {
      block += 7;
      continue;
    }
    if (!hasBit(mask, block)) continue;
    const first = block;
    while (block < blocks && hasBit(mask, block)) block++;
    each(first * BLOCK_BYTES, block * BLOCK_BYTES);
  }
}

const hasBit = (mask: Uint8Array, bit: number): boolean => (((mask[bit >> 3] as number) >> (bit & 7)) & 1) === 1;

/**
 * @param changed blocks that differ
 * @param filled blocks that are not all zero
 * @returns how many blocks were punched rather than written. Errors: `no-space`, `io`
 */
export function writeChanged(
  image: Buffer,
  changed: Uint8Array,
  filled: Uint8Array,
  imageOffset: number,
  target: Target,
): Result<number> {
  const toWrite = changed.slice();
  let punched = 0;
  const emptied = changed.map((bits, index) => bits & ~(filled[index] as number));
  forEachRun(emptied, (start, end) => {
    if (end - start < PUNCH_MIN_BLOCKS * BLOCK_BYTES) return;
    // Where the file system cannot, zeros are written.
    if (addon.punchHole(target.fd, target.offset + imageOffset + start, end - start) !== 0) return;
    punched += (end - start) / BLOCK_BYTES;
    for (let block = start / BLOCK_BYTES; block < end / BLOCK_BYTES; block++)
      toWrite[block >> 3] = (toWrite[block >> 3] as number) & ~(1 << (block & 7));
  });
  const errno = addon.writeMasked(target.fd, target.offset + imageOffset, image, toWrite, 0);
  return errno === 0 ? ok(punched) : { ok: false, error: writeErrno(errno) };
}
