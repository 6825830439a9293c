/** The piscina worker: carries out one batch. */

import type { Result } from "../errors.js";
import type { Batch } from "./batch-format.js";
import { runBatch, type Target } from "./run-batch.js";

export interface WorkerTask {
  readonly batch: Batch;
  readonly target: Target;
}

/** Named by `pool.ts`. Failures are cloned to the main thread, which cannot take an exception object along. */
export function serializeBatch({ batch, target }: WorkerTask): Result<Uint8Array<ArrayBuffer>> {
  const result = runBatch(batch, target);
  if (result.ok) return result;
  const { cause: _cause, ...error } = result.error;
  return { ok: false, error };
}
