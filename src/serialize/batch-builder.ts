/** Collects what a batch consists of: zeros, encoded metadata, files to read. */

import { SEGMENT_BYTES } from "../image/constants.js";
import { STAT_WORDS } from "../model.js";
import { hostPath } from "../tree/paths.js";
import type { Batch, Earlier } from "./batch-format.js";
import { Numbers, OwnBytes } from "./columns.js";
import type { MetadataEncoder } from "./encode-metadata.js";

const PART_VALUES = 6;
const SLASH = 0x2f;
/** For the paths of some tens of files. */
const PATH_BYTES = 4096;

/** Content from elsewhere than its file; undefined where there is none. */
export type Provided = (ordinal: number, contentOffset: number, sizeBytes: number) => Uint8Array | undefined;

export class BatchBuilder {
  /** Bytes [start, end) of the image. */
  readonly start: number;
  readonly end: number;
  /** Content that is read from files. */
  sourceBytes = 0;
  readonly #encoder: MetadataEncoder;
  readonly #provided: Provided | undefined;
  readonly #zeros = new Numbers(64);
  readonly #stretches = new Numbers(16);
  readonly #metadata: OwnBytes;
  readonly #paths = new OwnBytes(PATH_BYTES);
  readonly #pathEnd: number[] = [];
  readonly #rows: number[] = [];
  readonly #parts = new Numbers(512);
  /** File numbers by ordinal: a file's tail and its other blocks are read with one open. */
  readonly #twoParts = new Map<number, number>();

  /** @param metadataBytes a guess */
  constructor(encoder: MetadataEncoder, start: number, end: number, metadataBytes: number, provided?: Provided) {
    this.#encoder = encoder;
    this.start = start;
    this.end = end;
    this.#metadata = new OwnBytes(metadataBytes);
    this.#provided = provided;
  }

  /** Zeros in [start, end), of which what lies outside the batch is cut off. */
  zero(start: number, end: number): void {
    const from = Math.max(start, this.start);
    const to = Math.min(end, this.end);
    if (to > from) this.#zeros.push2(from - this.start, to - from);
  }

  /**
   * Makes room for metadata at [start, end) of the image, inside the batch.
   * @returns the offset in `bytes`, which is zero-filled there; the next call may replace `bytes`
   */
  reserve(start: number, end: number): number {
    this.#stretches.push2(start - this.start, end - start);
    return this.#metadata.grow(end - start);
  }

  /** Where reserved room lies. */
  get bytes(): Buffer {
    return this.#metadata.bytes;
  }

  /** Metadata at `at`, of which what lies outside the batch is cut off. */
  put(bytes: Buffer, at: number): void {
    const from = Math.max(at, this.start);
    const to = Math.min(at + bytes.length, this.end);
    if (to <= from) return;
    const offset = this.reserve(from, to);
    bytes.copy(this.bytes, offset, from - at, to - at);
  }

  /** A part of a file's content for `imageOffset`, inside the batch. */
  read(ordinal: number, fileOffset: number, sizeBytes: number, imageOffset: number): void {
    const bytes = this.#provided?.(ordinal, fileOffset, sizeBytes);
    if (bytes !== undefined) {
      const offset = this.reserve(imageOffset, imageOffset + sizeBytes);
      this.bytes.set(bytes, offset);
      return;
    }
    this.sourceBytes += sizeBytes;
    const position = imageOffset - this.start;
    const { inlineBytes, inventory } = this.#encoder.plan;
    const row = inventory.row[ordinal] as number;
    const from = fileOffset + (this.#encoder.tree.places?.offset[row] ?? 0);
    const known = this.#twoParts.get(ordinal);
    if (known !== undefined) {
      this.#parts.set3(known * PART_VALUES + 3, from, sizeBytes, position);
      this.#twoParts.delete(ordinal);
      return;
    }
    const tail = inlineBytes[ordinal] as number;
    if (tail > 0 && tail < (inventory.contentBytes[ordinal] as number)) this.#twoParts.set(ordinal, this.#rows.length);
    this.#parts.push3(from, sizeBytes, position);
    this.#parts.push3(0, 0, 0);
    this.#rows.push(row);
    this.#addPath(row);
  }

  #directory = -1;
  #directoryPath: Buffer = Buffer.alloc(0);

  #addPath(row: number): void {
    const { tree, table } = this.#encoder;
    if (tree.places !== undefined) {
      const container = tree.places.containers[tree.places.container[row] as number];
      const path = container?.path ?? Buffer.alloc(0);
      const at = this.#paths.grow(path.length);
      this.#paths.bytes.set(path, at);
      this.#pathEnd.push(this.#paths.length);
      return;
    }
    const directory = table.parent[row] as number;
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#directoryPath = directory === 0 ? Buffer.from(tree.rootHost, "latin1") : hostPath(tree, directory);
    }
    const prefix = this.#directoryPath;
    const length = table.nameLength[row] as number;
    const at = this.#paths.grow(prefix.length + 1 + length);
    const { bytes } = this.#paths;
    bytes.set(prefix, at);
    const slash = at + prefix.length;
    bytes[slash] = SLASH;
    // Names are short: a loop is quicker than a call.
    const start = table.nameStart[row] as number;
    for (let k = 0; k < length; k++) bytes[slash + 1 + k] = table.bytes[start + k] as number;
    this.#pathEnd.push(this.#paths.length);
  }

  finish(earlier?: Earlier): Batch {
    return {
      firstSegment: this.start / SEGMENT_BYTES,
      sizeBytes: this.end - this.start,
      zeros: this.#zeros.take(),
      metadata: this.#metadata.take(),
      stretches: this.#stretches.take(),
      reads: {
        paths: this.#paths.take(),
        pathEnd: Uint32Array.from(this.#pathEnd),
        stats: this.#statRecords(),
        parts: this.#parts.take(),
      },
      ...(earlier !== undefined && { earlier }),
    };
  }

  /** What the files to read were when selection saw them. */
  #statRecords(): Uint32Array<ArrayBuffer> {
    const { table, tree } = this.#encoder;
    const words = new Uint32Array(this.#rows.length * STAT_WORDS);
    const { places } = tree;
    for (const [index, row] of this.#rows.entries()) {
      const container = places?.containers[places.container[row] as number];
      const stats = container?.stat ?? table.stats;
      const from = container === undefined ? row * STAT_WORDS : 0;
      for (let word = 0; word < STAT_WORDS; word++) words[index * STAT_WORDS + word] = stats[from + word] as number;
    }
    return words;
  }
}
