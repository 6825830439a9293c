/** Identity of a stretch of a source file. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import { readContent } from "./content-reader.js";

/**
 * @param stat what selection saw of the file, `STAT_WORDS` words
 * @param offset bytes from the file's start; with `sizeBytes` inside the file
 * @returns SHA-256, 32 bytes
 * Errors: those of `readContent`
 */
export async function sha256OfPart(
  path: Buffer,
  stat: Uint32Array,
  offset: number,
  sizeBytes: number,
): Promise<Result<Buffer>> {
  const hash = createHash("sha256");
  const read = await readContent(
    path,
    stat,
    (piece) => {
      hash.update(piece);
      return true;
    },
    { offset, sizeBytes },
  );
  return read.ok ? ok(hash.digest()) : read;
}
