/** Serializes batches in piscina worker threads and in the calling one; descriptors are shared by all threads of the process. */

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { Result } from "../errors.js";
import type { Batch } from "./batch-format.js";
import { runBatch, type Target } from "./run-batch.js";
import type { serializeBatch, WorkerTask } from "./worker.js";

/** A thread loads compiled JavaScript, also when this module itself runs as TypeScript (in tests). */
const WORKER = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/serialize/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url),
);
/** Batches that wait for each thread, so that none is idle while this one carries out a batch of its own. */
const BATCHES_A_THREAD = 3;

/**
 * @param batches made lazily, in order; few are alive at a time
 * @param onLeaves called with each batch's result, in any order
 * @param threads at least 2, the calling one among them: it works while the others start, and makes the batches for all
 * @returns the first failure, once no thread writes any more
 */
export async function serializeInThreads(
  batches: Iterable<Batch>,
  target: Target,
  onLeaves: (batch: { readonly firstSegment: number }, leaves: Uint8Array) => void,
  threads: number,
): Promise<Result<void>> {
  const pool = new Piscina({
    filename: WORKER,
    name: "serializeBatch" satisfies (typeof serializeBatch)["name"],
    minThreads: threads - 1,
    maxThreads: threads - 1,
    // Handed over ahead: this thread is often too busy to answer a thread that asks for more.
    concurrentTasksPerWorker: BATCHES_A_THREAD,
  });
  let failure: Result<void> = { ok: true, value: undefined };
  const running = new Set<Promise<void>>();
  const done = ({ firstSegment }: { readonly firstSegment: number }, result: Result<Uint8Array>): void => {
    if (result.ok) onLeaves({ firstSegment }, result.value);
    else if (failure.ok) failure = { ok: false, error: withBufferPath(result.error) };
  };
  const start = async (batch: Batch): Promise<void> => {
    const { firstSegment } = batch;
    const task: WorkerTask = { batch, target };
    const transferList = [batch.metadata.buffer, batch.reads.paths.buffer] as ArrayBuffer[];
    const result: Awaited<ReturnType<typeof serializeBatch>> = await pool.run(task, { transferList });
    done({ firstSegment }, result);
  };
  try {
    for (const batch of batches) {
      if (running.size < BATCHES_A_THREAD * (threads - 1)) {
        const job = start(batch).finally(() => running.delete(job));
        running.add(job);
      } else {
        done(batch, runBatch(batch, target));
      }
      // Results, signals and progress get their turn.
      await new Promise(setImmediate);
      if (!failure.ok) break;
    }
    await Promise.all(running);
    return failure;
  } finally {
    await pool.destroy();
  }
}

/** A Buffer arrives from a thread as a plain Uint8Array. */
function withBufferPath<T extends { readonly path?: Uint8Array }>(error: T): T & { readonly path?: Buffer } {
  return error.path === undefined ? (error as T & { path?: Buffer }) : { ...error, path: Buffer.from(error.path) };
}
