/** The piscina worker: carries out one batch. */

import type { Result } from "../errors.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import { runBatch } from "./run-batch.js";
import type { Target } from "./target.js";

export interface WorkerTask {
  readonly batch: Batch;
  readonly target: Target;
}

/** Named by `pool.ts`. Failures are cloned to the main thread, which cannot take an exception object along. */
export function serializeBatch({ batch, target }: WorkerTask): Result<BatchOutcome> {
  const result = runBatch(batch, target);
  if (result.ok) return result;
  const { cause: _cause, ...error } = result.error;
  return { ok: false, error };
}
