/** A library as pieces: what a cache holds of it, and what is known of that between builds. */

import { HASH_BYTES } from "../image/merkle.js";
import type { OutputFile } from "./action-result.js";

/** A multiple of a segment, so that a piece is checked by itself; docs/adr/0014-remote-cache.md has what was measured. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/** Marks in a column of hashes; neither is the hash of anything that occurs. */
const UNKNOWN = 0x00;
const HOLE = 0xff;

/** SHA-256 of each piece of a file, as one column. */
export class Pieces {
  readonly sizeBytes: number;
  readonly hashes: Buffer;

  /** @param hashes what `hashes` of another one held; without them nothing is known */
  constructor(sizeBytes: number, hashes?: Buffer) {
    this.sizeBytes = sizeBytes;
    this.hashes = hashes ?? Buffer.alloc(Math.ceil(sizeBytes / PIECE_BYTES) * HASH_BYTES, UNKNOWN);
  }

  get count(): number {
    return this.hashes.length / HASH_BYTES;
  }

  /** Bytes of a piece: the last is what is left. */
  sizeOf(index: number): number {
    return Math.min(PIECE_BYTES, this.sizeBytes - index * PIECE_BYTES);
  }

  isKnown(index: number): boolean {
    return !this.#isAll(index, UNKNOWN);
  }

  /** All zero: a piece that no cache need hold. */
  isHole(index: number): boolean {
    return this.#isAll(index, HOLE);
  }

  /** 64 hex digits. */
  hashOf(index: number): string {
    return this.#hash(index).toString("hex");
  }

  /** @param hash SHA-256; undefined for a hole */
  set(index: number, hash: Uint8Array | undefined): void {
    if (hash === undefined) this.#hash(index).fill(HOLE);
    else this.#hash(index).set(hash);
  }

  /** What is known of a file that is this one, but for some stretches and its size. */
  changed(sizeBytes: number, stretches: Iterable<readonly [start: number, end: number]>): Pieces {
    const next = new Pieces(sizeBytes);
    this.hashes.copy(next.hashes);
    const forget = (index: number): unknown => index < next.count && next.#hash(index).fill(UNKNOWN);
    for (const [start, end] of stretches) {
      for (let index = Math.floor(start / PIECE_BYTES); index * PIECE_BYTES < end; index++) forget(index);
    }
    const last = Math.min(this.count, next.count) - 1;
    if (this.sizeOf(last) !== next.sizeOf(last)) forget(last);
    return next;
  }

  /** For an ActionResult: all pieces but holes. All must be known. */
  toOutputFiles(): OutputFile[] {
    const files: OutputFile[] = [];
    for (let index = 0; index < this.count; index++) {
      if (this.isHole(index)) continue;
      const offset = (index * PIECE_BYTES).toString(16).padStart(OFFSET_DIGITS, "0");
      files.push({ path: `${PREFIX}${offset}`, hash: this.hashOf(index), sizeBytes: this.sizeOf(index) });
    }
    return files;
  }

  /** @returns undefined where the files are not pieces of a library of that size, each once */
  static fromOutputFiles(files: readonly OutputFile[], sizeBytes: number): Pieces | undefined {
    const pieces = new Pieces(sizeBytes);
    for (const { path, hash, sizeBytes: pieceBytes } of files) {
      const index = Number.parseInt(OFFSET.exec(path)?.[1] ?? "", 16) / PIECE_BYTES;
      if (!Number.isInteger(index) || index >= pieces.count || pieces.isKnown(index)) return undefined;
      if (pieceBytes !== pieces.sizeOf(index) || !SHA256.test(hash)) return undefined;
      pieces.set(index, Buffer.from(hash, "hex"));
    }
    for (let index = 0; index < pieces.count; index++) if (!pieces.isKnown(index)) pieces.set(index, undefined);
    return pieces;
  }

  #hash(index: number): Buffer {
    return this.hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  #isAll(index: number, byte: number): boolean {
    return this.#hash(index).every((one) => one === byte);
  }
}

const PREFIX = "library/";
/** As many as 2⁵³ needs, so that names sort as pieces do. */
const OFFSET_DIGITS = 14;
const OFFSET = new RegExp(`^${PREFIX}([0-9a-f]{${OFFSET_DIGITS}})$`);
const SHA256 = /^[0-9a-f]{64}$/;
