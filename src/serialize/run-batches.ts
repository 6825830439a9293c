/** Carries out batches, in the pool's threads and in the calling one. */

import { setImmediate as turn } from "node:timers/promises";
import { fail, ok, type Result } from "../errors.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import type { SerializerPool } from "./pool.js";
import { runBatch } from "./run-batch.js";
import type { Target } from "./target.js";

/** Batches that the calling thread carries out, some milliseconds in all, before anything else in it is served. */
const TURN_EVERY = 4;

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
  let failure: Result<void> = ok(undefined);
  const done = (result: Result<BatchOutcome>): void => {
    if (result.ok) onOutcome(result.value);
    else if (failure.ok) failure = result;
  };
  let crash: { readonly cause: unknown } | undefined;
  const running = new Set<Promise<void>>();
  let alone = 0;
  try {
    for (const batch of batches) {
      if (pool !== undefined && running.size < pool.capacity) {
        const job: Promise<void> = pool
          .run(batch, target)
          .then(done, (cause: unknown) => {
            crash ??= { cause };
          })
          .finally(() => running.delete(job));
        running.add(job);
      } else {
        done(runBatch(batch, target));
      }
      // Results, signals and progress get their turn; a few batches do without it.
      if (pool !== undefined || ++alone % TURN_EVERY === 0) await turn();
      if (!failure.ok || crash !== undefined || signal?.aborted) break;
    }
  } finally {
    await Promise.all(running);
  }
  // A thread that died is a bug, not an expected failure.
  if (crash !== undefined) throw crash.cause;
  return failure.ok && signal?.aborted ? fail("interrupted") : failure;
}
