/** The blocks of a stretch that differ from the earlier image's, and the writing of them alone. */

import { ok, type Result } from "../errors.js";
import { BLOCK_BYTES } from "../image/constants.js";
import { addon } from "../native/addon.js";
import { type Target, writeErrno } from "./target.js";

/** Shorter runs of blocks that became zeros are written: a hole costs the file system an extent. */
const PUNCH_MIN_BLOCKS = 16;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

const hasBit = (mask: Uint8Array, bit: number): boolean => (((mask[bit >> 3] as number) >> (bit & 7)) & 1) === 1;

/** @returns bit k & 7 of byte k >> 3 is set where block k differs */
export function changedBlocks(before: Buffer, after: Buffer): Uint8Array<ArrayBuffer> {
  const blocks = after.length / BLOCK_BYTES;
  const mask = new Uint8Array(Math.ceil(blocks / 8));
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK_BYTES;
    const end = start + BLOCK_BYTES;
    if (after.compare(before, start, end, start, end) !== 0)
      mask[block >> 3] = (mask[block >> 3] as number) | (1 << (block & 7));
  }
  return mask;
}

/** @returns how many blocks were punched rather than written. Errors: `no-space`, `io` */
export function writeChanged(image: Buffer, changed: Uint8Array, imageOffset: number, target: Target): Result<number> {
  const toWrite = changed.slice();
  let punched = 0;
  for (const [first, end] of zeroRuns(image, changed)) {
    if (end - first < PUNCH_MIN_BLOCKS) continue;
    const position = target.offset + imageOffset + first * BLOCK_BYTES;
    // Where the file system cannot, zeros are written.
    if (addon.punchHole(target.fd, position, (end - first) * BLOCK_BYTES) !== 0) continue;
    punched += end - first;
    for (let block = first; block < end; block++)
      toWrite[block >> 3] = (toWrite[block >> 3] as number) & ~(1 << (block & 7));
  }
  const errno = addon.writeMasked(target.fd, target.offset + imageOffset, image, toWrite);
  return errno === 0 ? ok(punched) : { ok: false, error: writeErrno(errno) };
}

/** Runs of changed blocks that are zero now, as block numbers [first, end). */
function* zeroRuns(image: Buffer, changed: Uint8Array): Generator<readonly [number, number]> {
  const blocks = image.length / BLOCK_BYTES;
  for (let block = 0; block < blocks; block++) {
    const first = block;
    while (block < blocks && hasBit(changed, block) && isZeroBlock(image, block)) block++;
    if (block > first) yield [first, block];
  }
}

const isZeroBlock = (image: Buffer, block: number): boolean =>
  image.compare(ZERO_BLOCK, 0, BLOCK_BYTES, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES) === 0;

/** Calls `each` for every run of set bits, with byte positions [start, end) from the stretch's start. */
export function forEachRun(mask: Uint8Array, blocks: number, each: (start: number, end: number) => void): void {
  for (let block = 0; block < blocks; block++) {
    if (!hasBit(mask, block)) continue;
    const first = block;
    while (block < blocks && hasBit(mask, block)) block++;
    each(first * BLOCK_BYTES, block * BLOCK_BYTES);
  }
}
