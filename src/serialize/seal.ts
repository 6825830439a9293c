/** Puts UUID and checksum into block 0: they come from the root, so they are written last. */

import { ok, type Result } from "../errors.js";
import { BLOCK_BYTES } from "../image/constants.js";
import { sealBlockZero } from "../image/encode-superblock.js";
import { readBytes, type Target, writeBytes } from "./target.js";

/** @param source holds block 0 as it is to be, but for UUID and checksum */
export function seal(merkleRoot: Buffer, source: Target, target: Target): Result<void> {
  const block = Buffer.alloc(BLOCK_BYTES);
  const read = readBytes(block, 0, source);
  if (!read.ok) return read;
  sealBlockZero(block, merkleRoot);
  const written = writeBytes(block, 0, target);
  return written.ok ? ok(undefined) : written;
}
