/** Writes what differs from an earlier image over a copy of it, and brings its Merkle tree up to date: work in proportion to the change. */

import { ftruncateSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, CHECKSUM_OFFSET, SEGMENT_BYTES, UUID_BYTES, UUID_OFFSET } from "../image/constants.js";
import { HASH_BYTES, type MerkleTree, zeroLeafHash } from "../image/merkle.js";
import { addon } from "../native/addon.js";
import type { SegmentChange } from "../plan/changes.js";
import type { Plan } from "../plan/plan.js";
import { makeBatch } from "./batch.js";
import type { Provided } from "./batch-builder.js";
import type { Batch, BatchOutcome, Earlier } from "./batch-format.js";
import { forEachRun } from "./block-masks.js";
import { MetadataEncoder } from "./encode-metadata.js";
import { makePatch } from "./patch-batch.js";
import type { SerializerPool } from "./pool.js";
import { runBatches } from "./run-batches.js";
import { seal } from "./seal.js";
import { readBytes, type Target, writeBytes, writeError } from "./target.js";

export interface EmitOptions {
  /** Of the new image. */
  readonly plan: Plan;
  /** Ascending by segment. */
  readonly changes: readonly SegmentChange[];
  /** The earlier image, to be read. */
  readonly previous: Target;
  /**
   * Open for reading and writing; holds, or will hold, the earlier image's bytes everywhere that is not written here. The image is its end: it gets the new
   * image's size here, and what lay behind the earlier image's end is cut off before.
   */
  readonly target: Target;
  /** Of the earlier image; stays as it is. */
  readonly merkle: MerkleTree;
  /** Content from a store, so that its file is not read: of exactly the size asked for. */
  readonly provided?: Provided;
  /** Helps with more than a few segments; a few are done in the calling thread. */
  readonly pool?: SerializerPool;
  readonly signal?: AbortSignal;
}

export interface Emission {
  readonly merkle: MerkleTree;
  readonly merkleRoot: Buffer;
  /** Stretches [start, end) of the image in bytes that were written or punched: whole blocks, ascending, merged. */
  readonly written: readonly (readonly [start: number, end: number])[];
  /** Bytes of blocks written; punched ones do not count. */
  readonly emittedBytes: number;
  /** Segments of which something was written or punched. */
  readonly segmentsEmitted: number;
  /** Content read from source files; what was provided does not count. */
  readonly sourceBytes: number;
}

/** Handing so few segments to threads saves nothing. */
const POOL_FROM_SEGMENTS = 8;

/**
 * On an error the target may differ from the earlier image in block 0, in the segments of `changes`, and behind the shorter image's end.
 * Errors: `input-changed`, `unreadable`, `no-space`, `io` (a `previous` that is no image among them), `interrupted`
 */
export async function emitChanges(options: EmitOptions): Promise<Result<Emission>> {
  const block = Buffer.alloc(BLOCK_BYTES);
  const read = readBytes(block, 0, options.previous);
  if (!read.ok) return read;
  const previousBytes = Number(block.readBigUInt64LE(IMAGE_SIZE_OFFSET));
  const resized = resize(options.target, previousBytes, options.plan.sizeBytes);
  return resized.ok ? new Emitter(options, block, previousBytes).emit() : resized;
}

/** In the header (docs/format.md 1.1). */
const IMAGE_SIZE_OFFSET = 16;

function resize({ fd, offset }: Target, previousBytes: number, sizeBytes: number): Result<void> {
  try {
    // A longer target would show what it held long ago.
    if (sizeBytes > previousBytes) ftruncateSync(fd, offset + previousBytes);
    return ok(ftruncateSync(fd, offset + sizeBytes));
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
}

class Emitter {
  readonly #options: EmitOptions;
  readonly #encoder: MetadataEncoder;
  readonly #firstBlock: Buffer;
  readonly #previousBytes: number;
  readonly #merkle: MerkleTree;
  readonly #written: (readonly [start: number, end: number])[] = [];
  #emittedBytes = 0;
  #sourceBytes = 0;

  constructor(options: EmitOptions, firstBlock: Buffer, previousBytes: number) {
    this.#options = options;
    this.#encoder = new MetadataEncoder(options.plan);
    this.#firstBlock = firstBlock;
    this.#previousBytes = previousBytes;
    this.#merkle = options.merkle.resized(Math.ceil(options.plan.sizeBytes / SEGMENT_BYTES));
  }

  async emit(): Promise<Result<Emission>> {
    const { plan, target, previous, pool, signal } = this.#options;
    const changes = this.#allChanges();
    for (const change of changes) {
      const emptied = change.kind === "zero" ? this.#empty(change.segment) : ok(undefined);
      if (!emptied.ok) return emptied;
    }
    const rest = changes.filter(({ kind }) => kind !== "zero");
    const helpers = rest.length >= POOL_FROM_SEGMENTS ? pool : undefined;
    const done = await runBatches(this.#batches(rest), target, (outcome) => this.#take(outcome), helpers, signal);
    if (!done.ok) return done;
    if (signal?.aborted) return fail("interrupted");
    const merkleRoot = this.#merkle.root(plan.sizeBytes);
    const hasFirst = changes[0]?.segment === 0;
    const sealed = seal(merkleRoot, hasFirst ? target : previous, target);
    if (!sealed.ok) return sealed;
    // Otherwise counted already: without UUID it differed.
    if (!hasFirst) this.#emittedBytes += BLOCK_BYTES;
    this.#note(0, BLOCK_BYTES);
    return ok(this.#emission(merkleRoot));
  }

  /** Those asked for, and those that follow from the header and from the images' ends. */
  #allChanges(): SegmentChange[] {
    const { plan, changes, merkle } = this.#options;
    const count = this.#merkle.leafCount;
    const bySegment = new Map(changes.map((change) => [change.segment, change]));
    const patch = (segment: number): void => {
      if (!bySegment.has(segment))
        bySegment.set(segment, { segment, kind: "patch", inodes: [], contents: [], vacated: [] });
    };
    if (!this.#keepsHeader()) patch(0);
    else if (isNothing(bySegment.get(0))) bySegment.delete(0);
    // A last segment that is longer or shorter now.
    if (plan.sizeBytes !== this.#previousBytes) patch(Math.min(count, merkle.leafCount) - 1);
    for (let segment = merkle.leafCount; segment < count; segment++) {
      if (!bySegment.has(segment)) this.#merkle.setLeaf(segment, zeroLeafHash(this.#bytesOf(segment)));
    }
    return [...bySegment.values()].filter(({ segment }) => segment < count).sort((a, b) => a.segment - b.segment);
  }

  /** Whether header and superblock say the same as before, UUID and checksum aside. */
  #keepsHeader(): boolean {
    const superblock = this.#encoder.superblock();
    const before = Buffer.from(this.#firstBlock.subarray(0, superblock.length));
    before.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4).fill(0, UUID_OFFSET, UUID_OFFSET + UUID_BYTES);
    return before.equals(superblock);
  }

  *#batches(changes: readonly SegmentChange[]): Generator<Batch> {
    const { plan, previous, provided } = this.#options;
    for (const change of changes) {
      const use: Earlier["use"] = change.kind === "patch" ? "keep" : "replace";
      const earlier: Earlier = { ...previous, sizeBytes: this.#previousBytes, use };
      const source = { earlier, ...(provided !== undefined && { provided }) };
      const start = change.segment * SEGMENT_BYTES;
      const end = start + this.#bytesOf(change.segment);
      const { batch, sourceBytes } =
        change.kind === "patch"
          ? makePatch(this.#encoder, change, source)
          : makeBatch(this.#encoder, start, end, plan.piecesIn(start, end), source);
      this.#sourceBytes += sourceBytes;
      yield batch;
    }
  }

  #take({ firstSegment, leaves, changed, punchedBlocks }: BatchOutcome): void {
    this.#merkle.setLeaf(firstSegment, leaves.subarray(0, HASH_BYTES));
    const start = firstSegment * SEGMENT_BYTES;
    forEachRun(changed as Uint8Array, (from, to) => {
      this.#note(start + from, start + to);
      this.#emittedBytes += to - from;
    });
    this.#emittedBytes -= (punchedBlocks ?? 0) * BLOCK_BYTES;
  }

  #empty(segment: number): Result<void> {
    const { target } = this.#options;
    const start = segment * SEGMENT_BYTES;
    const sizeBytes = this.#bytesOf(segment);
    this.#merkle.setLeaf(segment, zeroLeafHash(sizeBytes));
    if (start >= this.#previousBytes) return ok(undefined);
    if (addon.punchHole(target.fd, target.offset + start, sizeBytes) !== 0) {
      const written = writeBytes(Buffer.alloc(sizeBytes), start, target);
      if (!written.ok) return written;
      this.#emittedBytes += sizeBytes;
    }
    this.#note(start, start + sizeBytes);
    return ok(undefined);
  }

  #note(start: number, end: number): void {
    this.#written.push([start, end]);
  }

  /** Of the new image's segment. */
  #bytesOf(segment: number): number {
    return Math.min(SEGMENT_BYTES, this.#options.plan.sizeBytes - segment * SEGMENT_BYTES);
  }

  #emission(merkleRoot: Buffer): Emission {
    const written = merged(this.#written);
    const segments = new Set<number>();
    for (const [start, end] of written) {
      for (let at = start - (start % SEGMENT_BYTES); at < end; at += SEGMENT_BYTES) segments.add(at);
    }
    return {
      merkle: this.#merkle,
      merkleRoot,
      written,
      emittedBytes: this.#emittedBytes,
      segmentsEmitted: segments.size,
      sourceBytes: this.#sourceBytes,
    };
  }
}

/** Block 0 is sealed anyway: no need to hash its segment again. */
const isNothing = (change: SegmentChange | undefined): boolean =>
  change?.kind === "patch" && change.inodes.length + change.contents.length + change.vacated.length === 0;

function merged(stretches: readonly (readonly [start: number, end: number])[]): (readonly [number, number])[] {
  const result: [number, number][] = [];
  for (const [start, end] of [...stretches].sort(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}
