/** Whether a source holds other bytes than the library: where both are at hand they are compared, which no hash does better. */

import { ok, type Result } from "../errors.js";
import { readContent } from "./content-reader.js";

/**
 * @param path host path of a regular file
 * @param stat its record (`STAT`), as selection saw it
 * @param readOld the old content's bytes; fewer than asked for count as different
 * Errors: `input-changed`, `unreadable`, `io`
 */
export async function sameContent(
  path: Buffer,
  stat: Uint32Array,
  readOld: (offset: number, sizeBytes: number) => Uint8Array,
): Promise<Result<boolean>> {
  let isSame = true;
  const read = await readContent(path, stat, (piece, offset) => {
    isSame = piece.equals(readOld(offset, piece.length));
    return isSame;
  });
  return read.ok ? ok(isSame) : read;
}
