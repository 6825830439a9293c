/** Reads the content of planned files out of a library that was written by that plan. */

import { readSync } from "node:fs";
import { BLOCK_BYTES, DATA_LAYOUT, NID_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import type { Plan } from "../plan/plan.js";
import type { Target } from "../serialize/target.js";

export class LibraryContent {
  readonly #plan: Plan;
  readonly #library: Target;

  /** @param library open for reading; the image's bytes are the plan's */
  constructor(plan: Plan, library: Target) {
    this.#plan = plan;
    this.#library = library;
  }

  /** @returns bytes [offset, offset + sizeBytes) of a file's content; shorter where the library ends too early */
  read(ordinal: number, offset: number, sizeBytes: number): Buffer {
    const out = Buffer.allocUnsafe(sizeBytes);
    let done = 0;
    while (done < sizeBytes) {
      const { position, contiguousBytes } = this.#locate(ordinal, offset + done);
      const part = Math.min(sizeBytes - done, contiguousBytes);
      const got = readSync(this.#library.fd, out, done, part, this.#library.offset + position);
      if (got === 0) return out.subarray(0, done);
      done += got;
    }
    return out;
  }

  /** Where a file's whole content lies: stretches of the file that the library is, in the content's order. */
  *stretches(ordinal: number): Generator<{ readonly position: number; readonly sizeBytes: number }> {
    const contentBytes = this.#plan.inventory.contentBytes[ordinal] as number;
    for (let at = 0; at < contentBytes; ) {
      const { position, contiguousBytes } = this.#locate(ordinal, at);
      const sizeBytes = Math.min(contiguousBytes, contentBytes - at);
      yield { position: this.#library.offset + position, sizeBytes };
      at += sizeBytes;
    }
  }

  #locate(ordinal: number, at: number): { readonly position: number; readonly contiguousBytes: number } {
    const { inventory, nid, dataBlock, dataLayout, inlineBytes } = this.#plan;
    const contentBytes = inventory.contentBytes[ordinal] as number;
    if (dataLayout[ordinal] === DATA_LAYOUT.chunkBased) {
      const chunk = this.#plan.chunkBlocks(ordinal)[Math.floor(at / SEGMENT_BYTES)] as number;
      const within = at % SEGMENT_BYTES;
      return { position: chunk * BLOCK_BYTES + within, contiguousBytes: SEGMENT_BYTES - within };
    }
    const outline = contentBytes - (inlineBytes[ordinal] as number);
    if (at < outline) {
      return { position: (dataBlock[ordinal] as number) * BLOCK_BYTES + at, contiguousBytes: outline - at };
    }
    const tail = (nid[ordinal] as number) * NID_BYTES + (inventory.headBytes[ordinal] as number);
    return { position: tail + at - outline, contiguousBytes: contentBytes - at };
  }
}
