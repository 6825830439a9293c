/** The piscina worker: carries out one batch, or one hash job. */

import type { Result } from "../errors.js";
import { type HashJob, runHashJob } from "../fingerprint/hash-job.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import { runBatch } from "./run-batch.js";
import type { Target } from "./target.js";

export interface WorkerTask {
  readonly batch: Batch;
  readonly target: Target;
}

/** Named by `pool.ts`. Failures are cloned to the main thread, which cannot take an exception object along. */
export function serializeBatch({ batch, target }: WorkerTask): Result<BatchOutcome> {
  return withoutCause(runBatch(batch, target));
}

/** Named by `pool.ts`. */
export function hashContents(job: HashJob): Result<Uint8Array<ArrayBuffer>> {
  return withoutCause(runHashJob(job));
}

function withoutCause<T>(result: Result<T>): Result<T> {
  if (result.ok) return result;
  const { cause: _cause, ...error } = result.error;
  return { ok: false, error };
}
