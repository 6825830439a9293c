/** Hashes of a source's content. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import { readContent } from "./content-reader.js";
import { Xxh64 } from "./xxh64.js";

/**
 * For "changed?" alone.
 * @param path host path of a regular file
 * @param stat its record (`STAT`), as selection saw it
 * Errors: `input-changed`, `unreadable`, `io`
 */
export async function contentHash64(path: Buffer, stat: Uint32Array): Promise<Result<bigint>> {
  const hash = new Xxh64();
  const read = await readContent(path, stat, (piece) => {
    hash.update(piece);
    return true;
  });
  return read.ok ? ok(hash.digest()) : read;
}

/** Identity, 32 bytes; otherwise as `contentHash64`. */
export async function sha256OfFile(path: Buffer, stat: Uint32Array): Promise<Result<Buffer>> {
  const hash = createHash("sha256");
  const read = await readContent(path, stat, (piece) => {
    hash.update(piece);
    return true;
  });
  return read.ok ? ok(hash.digest()) : read;
}
