/** Carries out batches, in the pool's threads and in the calling one. */

import type { Result } from "../errors.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import type { SerializerPool } from "./pool.js";
import { runBatch } from "./run-batch.js";
import { runJobs } from "./run-jobs.js";
import type { Target } from "./target.js";

/**
 * @param batches made lazily, in order; few are alive at a time
 * @param onOutcome called with each batch's result, in any order
 * @param pool without it the calling thread does all: the serial reference
 * @returns the first failure, or `interrupted`, once no thread writes any more
 */
export async function runBatches(
  batches: Iterable<Batch>,
  target: Target,
  onOutcome: (outcome: BatchOutcome) => void,
  pool?: SerializerPool,
  signal?: AbortSignal,
): Promise<Result<void>> {
  const helpers = pool && { capacity: pool.capacity, run: (batch: Batch) => pool.run(batch, target) };
  return runJobs(batches, (batch) => runBatch(batch, target), onOutcome, helpers, signal);
}
