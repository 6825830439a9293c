/** xxh64: answers "changed?" and "damaged?", never "the same content?". */

import xxhash, { type XXHash } from "xxhash-wasm";

const api = await xxhash();

/** The module copies what it is given into its own memory, which grows with it and stays: larger buffers are fed in pieces. */
const PIECE_BYTES = 64 << 10;

export class Xxh64 {
  readonly #hash: XXHash<bigint> = api.create64();

  update(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) this.#hash.update(bytes.subarray(at, at + PIECE_BYTES));
    return this;
  }

  /** 0 … 2⁶⁴ − 1, of all that was given so far. */
  digest(): bigint {
    return this.#hash.digest();
  }
}

export const xxh64 = (bytes: Uint8Array): bigint =>
  bytes.length <= PIECE_BYTES ? api.h64Raw(bytes) : new Xxh64().update(bytes).digest();
