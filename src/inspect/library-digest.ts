/** The library digest (docs/format.md section 3): the bytes around the image, and the Merkle root. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import type { Library } from "../link/read-library.js";
import { fileSource } from "./file-source.js";

const PIECE_BYTES = 1 << 20;

/**
 * @param library open
 * @param merkleRoot the one that is believed: the note's, or the one recomputed by `verify`
 * @returns 64 hex digits
 */
export function libraryDigest(library: Library, merkleRoot: Buffer): Result<string> {
  const { fd, fileBytes, imageOffset, imageBytes } = library;
  const imageEnd = imageOffset + imageBytes;
  const hash = createHash("sha256");
  for (const [start, size] of [
    [0, imageOffset],
    [imageEnd, fileBytes - imageEnd],
  ] as const) {
    const source = fileSource(fd, start, size);
    for (let done = 0; done < size; done += PIECE_BYTES) {
      const piece = source.read(done, Math.min(PIECE_BYTES, size - done));
      if (!piece.ok) return piece;
      hash.update(piece.value);
    }
  }
  return ok(hash.update(merkleRoot).digest("hex"));
}
