/** Carries out jobs, in the pool's threads and in the calling one. */

import { setImmediate as turn } from "node:timers/promises";
import { fail, ok, type Result } from "../errors.js";

/** Jobs that the calling thread carries out, some milliseconds in all, before anything else in it is served. */
const TURN_EVERY = 4;

export interface Helpers<Job, Outcome> {
  /** Jobs that may be under way at once. */
  readonly capacity: number;
  readonly run: (job: Job) => Promise<Result<Outcome>>;
}

/**
 * @param jobs made lazily, in order; few are alive at a time
 * @param here carries one out in the calling thread
 * @param onOutcome called with each job's result, in any order
 * @param helpers without them the calling thread does all: the serial reference
 * @returns the first failure, or `interrupted`, once nothing is under way any more
 */
export async function runJobs<Job, Outcome>(
  jobs: Iterable<Job>,
  here: (job: Job) => Result<Outcome>,
  onOutcome: (outcome: Outcome, job: Job) => void,
  helpers?: Helpers<Job, Outcome>,
  signal?: AbortSignal,
): Promise<Result<void>> {
  let failure: Result<void> = ok(undefined);
  const done = (result: Result<Outcome>, job: Job): void => {
    if (result.ok) onOutcome(result.value, job);
    else if (failure.ok) failure = result;
  };
  let crash: { readonly cause: unknown } | undefined;
  const running = new Set<Promise<void>>();
  let alone = 0;
  try {
    for (const job of jobs) {
      if (helpers !== undefined && running.size < helpers.capacity) {
        const task: Promise<void> = helpers
          .run(job)
          .then(
            (result) => done(result, job),
            (cause: unknown) => {
              crash ??= { cause };
            },
          )
          .finally(() => running.delete(task));
        running.add(task);
      } else {
        done(here(job), job);
      }
      // Results, signals and progress get their turn; a few jobs do without it.
      if (helpers !== undefined || ++alone % TURN_EVERY === 0) await turn();
      if (!failure.ok || crash !== undefined || signal?.aborted) break;
    }
  } finally {
    await Promise.all(running);
  }
  // A thread that died is a bug, not an expected failure.
  if (crash !== undefined) throw crash.cause;
  return failure.ok && signal?.aborted ? fail("interrupted") : failure;
}
