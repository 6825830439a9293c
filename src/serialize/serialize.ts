/** Writes a planned image into a file and computes its Merkle root in the same pass. */

import { ftruncateSync, readSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { sealBlockZero } from "../image/encode-superblock.js";
import { MerkleTree } from "../image/merkle.js";
import type { Plan } from "../plan/plan.js";
import { makeBatch } from "./batch.js";
import type { Batch } from "./batch-format.js";
import type { serializeInThreads } from "./pool.js";
import { runBatch, type Target, writeBytes, writeError } from "./run-batch.js";

export interface SerializeOptions {
  /** 1 serializes in the calling thread. Default: the machine's processors for images worth it. The bytes never depend on it. */
  readonly threads?: number;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Segments that are read and written at once: fewer system calls, and files that cross segments are opened once. */
const BATCH_SEGMENTS = 8;
/** Below this, starting threads takes longer than they save. */
const THREADS_FROM_BYTES = 48 * SEGMENT_BYTES;
const HASH_BYTES = 32;

/**
 * @param target a new or empty stretch of a file (holes and zeros only), open for reading and writing; the image is its end
 * @returns the Merkle root (32 bytes). On an error the target holds a part of an image and must be thrown away.
 * Errors: `input-changed`, `unreadable`, `no-space`, `io`, `interrupted`
 */
export async function serialize(plan: Plan, target: Target, options: SerializeOptions = {}): Promise<Result<Buffer>> {
  const merkle = new MerkleTree(Math.ceil(plan.sizeBytes / SEGMENT_BYTES));
  let doneBytes = 0;
  const onLeaves = ({ firstSegment }: { readonly firstSegment: number }, leaves: Uint8Array): void => {
    const count = leaves.length / HASH_BYTES;
    for (let index = 0; index < count; index++) {
      merkle.setLeaf(firstSegment + index, leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
    }
    doneBytes = Math.min(plan.sizeBytes, doneBytes + count * SEGMENT_BYTES);
    options.onProgress?.(doneBytes, plan.sizeBytes);
  };
  try {
    ftruncateSync(target.fd, target.offset + plan.sizeBytes);
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
  const defaultThreads = plan.sizeBytes < THREADS_FROM_BYTES ? 1 : availableParallelism();
  const threads = options.threads ?? defaultThreads;
  const batches = allBatches(plan, options.signal);
  const written = await (threads > 1 ? inThreads : serializeHere)(batches, target, onLeaves, threads);
  if (!written.ok) return written;
  if (options.signal?.aborted) return fail("interrupted");
  return seal(merkle.root(plan.sizeBytes), target);
}

function* allBatches(plan: Plan, signal: AbortSignal | undefined): Generator<Batch> {
  const segments = Math.ceil(plan.sizeBytes / SEGMENT_BYTES);
  for (let first = 0; first < segments && !signal?.aborted; first += BATCH_SEGMENTS) {
    yield makeBatch(plan, first, BATCH_SEGMENTS);
  }
}

/** The pool is loaded here: a small image does without it. */
async function inThreads(...[batches, target, onLeaves, threads]: Parameters<typeof serializeInThreads>) {
  const pool = await import("./pool.js");
  return pool.serializeInThreads(batches, target, onLeaves, threads);
}

/** The serial reference. */
async function serializeHere(
  batches: Iterable<Batch>,
  target: Target,
  onLeaves: (batch: Batch, leaves: Uint8Array) => void,
): Promise<Result<void>> {
  for (const batch of batches) {
    const leaves = runBatch(batch, target);
    if (!leaves.ok) return leaves;
    onLeaves(batch, leaves.value);
    // Signals and progress get their turn between batches.
    await new Promise(setImmediate);
  }
  return ok(undefined);
}

/** UUID and checksum come from the root, so they are written last. */
function seal(merkleRoot: Buffer, target: Target): Result<Buffer> {
  const block = Buffer.alloc(BLOCK_BYTES);
  try {
    readSync(target.fd, block, 0, BLOCK_BYTES, target.offset);
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
  sealBlockZero(block, merkleRoot);
  const written = writeBytes(block, 0, target);
  return written.ok ? ok(merkleRoot) : written;
}
