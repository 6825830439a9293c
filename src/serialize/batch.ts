/** Makes batches from the plan alone. */

import { SEGMENT_BYTES } from "../image/constants.js";
import type { TreeNode } from "../model.js";
import { PIECE, type Plan } from "../plan/plan.js";
import { type Batch, STAT_KEY_FIELDS } from "./batch-format.js";
import { encodeContent, encodeInodeHead, encodeTail, superblockOf } from "./encode-piece.js";
import { firstPieceIn, inodesIn, type Window } from "./window.js";

/**
 * @param firstSegment index of the first segment
 * @param segmentCount at least 1; the image's end cuts the last short
 */
export function makeBatch(plan: Plan, firstSegment: number, segmentCount: number): Batch {
  const start = firstSegment * SEGMENT_BYTES;
  const end = Math.min(start + segmentCount * SEGMENT_BYTES, plan.sizeBytes);
  const builder = new BatchBuilder(plan, { start, end });
  const { kind, offset, sizeBytes } = plan.pieces;
  for (let piece = firstPieceIn(plan.pieces, start); piece < kind.length; piece++) {
    const at = offset[piece] as number;
    if (at >= end) break;
    builder.addPiece(piece, { start: Math.max(at, start), end: Math.min(at + (sizeBytes[piece] as number), end) });
  }
  return builder.finish(firstSegment);
}

class BatchBuilder {
  readonly #plan: Plan;
  readonly #window: Window;
  readonly #stretches: number[] = [];
  readonly #metadata: Buffer[] = [];
  /** Read rows by ordinal: a file's tail and its other blocks are read with one open. */
  readonly #rows = new Map<number, number>();
  readonly #nodes: TreeNode[] = [];
  readonly #parts: number[] = [];

  constructor(plan: Plan, window: Window) {
    this.#plan = plan;
    this.#window = window;
  }

  /** @param part the stretch of the piece that lies in the window */
  addPiece(piece: number, part: Window): void {
    const { pieces, sections } = this.#plan;
    const subject = pieces.subject[piece] as number;
    const kind = pieces.kind[piece];
    if (kind === PIECE.inodes) this.#addInodes(subject, part);
    else if (kind === PIECE.content) this.#addContent(subject, part, pieces.offset[piece] as number);
    else this.#addBytes(part, sections.bytes.subarray(part.start - sections.offset, part.end - sections.offset));
  }

  #addInodes(run: number, part: Window): void {
    const out = Buffer.alloc(part.end - part.start);
    if (part.start === 0) superblockOf(this.#plan).copy(out);
    for (const ordinal of inodesIn(this.#plan, run, part)) {
      const tailAt = encodeInodeHead(this.#plan, ordinal, out, part);
      const tail = encodeTail(this.#plan, ordinal);
      if (tail === undefined || tailAt < part.start || tailAt >= part.end) continue;
      if (Buffer.isBuffer(tail)) tail.copy(out, tailAt - part.start);
      else this.#addRead(ordinal, tail.fileOffset, tail.sizeBytes, tailAt);
    }
    this.#addBytes(part, out);
  }

  #addContent(ordinal: number, part: Window, contentStart: number): void {
    if (this.#plan.inventory.nodes[ordinal]?.type === "file") {
      this.#addRead(ordinal, part.start - contentStart, part.end - part.start, part.start);
    } else {
      const bytes = encodeContent(this.#plan, ordinal);
      this.#addBytes(part, bytes.subarray(part.start - contentStart, part.end - contentStart));
    }
  }

  #addBytes(part: Window, bytes: Buffer): void {
    this.#stretches.push(part.start - this.#window.start, bytes.length);
    this.#metadata.push(bytes);
  }

  #addRead(ordinal: number, fileOffset: number, sizeBytes: number, imageOffset: number): void {
    const position = imageOffset - this.#window.start;
    const known = this.#rows.get(ordinal);
    if (known !== undefined) {
      this.#parts[known * 6 + 3] = fileOffset;
      this.#parts[known * 6 + 4] = sizeBytes;
      this.#parts[known * 6 + 5] = position;
      return;
    }
    this.#rows.set(ordinal, this.#nodes.length);
    this.#nodes.push(this.#plan.inventory.nodes[ordinal] as TreeNode);
    this.#parts.push(fileOffset, sizeBytes, position, 0, 0, 0);
  }

  finish(firstSegment: number): Batch {
    const sources = this.#nodes.map(({ source }) => source as Buffer);
    const pathEnd = new Uint32Array(sources.length);
    let end = 0;
    for (const [row, source] of sources.entries()) pathEnd[row] = end += source.length;
    const statKeys = new BigInt64Array(sources.length * STAT_KEY_FIELDS.length);
    let at = 0;
    for (const { statKey } of this.#nodes) {
      for (const field of STAT_KEY_FIELDS) statKeys[at++] = statKey?.[field] ?? 0n;
    }
    return {
      firstSegment,
      sizeBytes: this.#window.end - this.#window.start,
      metadata: ownBytes(this.#metadata),
      stretches: Float64Array.from(this.#stretches),
      reads: { paths: ownBytes(sources), pathEnd, statKeys, parts: Float64Array.from(this.#parts) },
    };
  }
}

/** Concatenated in an ArrayBuffer of their own, so that it can be transferred to a thread. */
function ownBytes(parts: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
