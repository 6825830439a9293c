/** Writes a planned image into a file and computes its Merkle tree in the same pass. */

import { ftruncateSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import { HASH_BYTES, MerkleTree, zeroLeafHash } from "../image/merkle.js";
import type { Plan } from "../plan/plan.js";
import { makeBatch } from "./batch.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import { MetadataEncoder } from "./encode-metadata.js";
import type { SerializerPool } from "./pool.js";
import { runBatches } from "./run-batches.js";
import { seal } from "./seal.js";
import { type Target, writeError } from "./target.js";

export interface SerializeOptions {
  /** 1 serializes in the calling thread. Default: the machine's processors for images worth it. The bytes never depend on it. */
  readonly threads?: number;
  /** Threads that are there already; otherwise some are started where they are worth it. */
  readonly pool?: SerializerPool;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Segments that are read and written at once: memory against files that are opened twice. From 1 to 8 it makes no difference that could be measured. */
const BATCH_SEGMENTS = 4;
/** Below this, starting threads takes longer than they save. */
const THREADS_FROM_BYTES = 48 * SEGMENT_BYTES;

/**
 * @param target a new or empty stretch of a file (holes and zeros only), open for reading and writing; the image is its end
 * @returns the Merkle tree; `root(plan.sizeBytes)` of it stands in the image. On an error the target holds a part of an image and must be thrown away.
 * Errors: `input-changed`, `unreadable`, `no-space`, `io`, `interrupted`
 */
export async function serialize(
  plan: Plan,
  target: Target,
  options: SerializeOptions = {},
): Promise<Result<MerkleTree>> {
  const { signal, onProgress } = options;
  const merkle = new MerkleTree(Math.ceil(plan.sizeBytes / SEGMENT_BYTES));
  let doneBytes = 0;
  const onOutcome = ({ firstSegment, leaves }: Pick<BatchOutcome, "firstSegment" | "leaves">): void => {
    const count = leaves.length / HASH_BYTES;
    for (let index = 0; index < count; index++) {
      merkle.setLeaf(firstSegment + index, leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
    }
    doneBytes = Math.min(plan.sizeBytes, doneBytes + count * SEGMENT_BYTES);
    onProgress?.(doneBytes, plan.sizeBytes);
  };
  try {
    ftruncateSync(target.fd, target.offset + plan.sizeBytes);
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
  const own = options.pool === undefined ? await startPool(plan, options.threads) : undefined;
  try {
    const batches = allBatches(plan, onOutcome);
    const written = await runBatches(batches, target, onOutcome, options.pool ?? own, signal);
    if (!written.ok) return written;
  } finally {
    await own?.close();
  }
  if (signal?.aborted) return fail("interrupted");
  const sealed = seal(merkle.root(plan.sizeBytes), target, target);
  return sealed.ok ? ok(merkle) : sealed;
}

/** The pool is loaded here: a small image does without it. */
async function startPool(plan: Plan, threads: number | undefined): Promise<SerializerPool | undefined> {
  const count = threads ?? (plan.sizeBytes < THREADS_FROM_BYTES ? 1 : availableParallelism());
  if (count < 2) return undefined;
  const { SerializerPool } = await import("./pool.js");
  return new SerializerPool(count);
}

/** @param onEmpty told of segments of which the plan says nothing */
function* allBatches(plan: Plan, onEmpty: (outcome: BatchOutcome) => void): Generator<Batch> {
  const encoder = new MetadataEncoder(plan);
  const step = BATCH_SEGMENTS * SEGMENT_BYTES;
  for (let start = 0; start < plan.sizeBytes; start += step) {
    const end = Math.min(start + step, plan.sizeBytes);
    const pieces = plan.piecesIn(start, end);
    if (pieces.length > 0) yield makeBatch(encoder, start, end, pieces).batch;
    else onEmpty(emptyOutcome(start, end));
  }
}

function emptyOutcome(start: number, end: number): BatchOutcome {
  const leaves: Buffer<ArrayBuffer>[] = [];
  for (let at = start; at < end; at += SEGMENT_BYTES)
    leaves.push(Buffer.from(zeroLeafHash(Math.min(SEGMENT_BYTES, end - at))));
  return { firstSegment: start / SEGMENT_BYTES, leaves: Buffer.concat(leaves) };
}
