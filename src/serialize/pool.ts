/** Serializes batches in piscina worker threads; descriptors are shared by all threads of the process. */

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { Result } from "../errors.js";
import type { Batch } from "./batch.js";
import type { Target } from "./run-batch.js";
import type { serializeBatch, WorkerTask } from "./worker.js";

/** A thread loads compiled JavaScript, also when this module itself runs as TypeScript (in tests). */
const WORKER = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/serialize/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url),
);

/**
 * @param batches made lazily, in order; few are alive at a time
 * @param onLeaves called with each batch's result, in any order
 * @returns the first failure, once no thread writes any more
 */
export async function serializeInThreads(
  batches: Iterable<Batch>,
  target: Target,
  threads: number,
  onLeaves: (batch: { readonly firstSegment: number }, leaves: Uint8Array) => void,
): Promise<Result<void>> {
  const pool = new Piscina({
    filename: WORKER,
    name: "serializeBatch" satisfies (typeof serializeBatch)["name"],
    minThreads: threads,
    maxThreads: threads,
  });
  let failure: Result<void> = { ok: true, value: undefined };
  const running = new Set<Promise<void>>();
  const start = async (batch: Batch): Promise<void> => {
    const { firstSegment } = batch;
    const task: WorkerTask = { batch, target };
    const transferList = [batch.metadata.buffer, batch.reads.paths.buffer] as ArrayBuffer[];
    const result: Awaited<ReturnType<typeof serializeBatch>> = await pool.run(task, { transferList });
    if (result.ok) onLeaves({ firstSegment }, result.value);
    else failure = { ok: false, error: withBufferPath(result.error) };
  };
  try {
    for (const batch of batches) {
      const job = start(batch).finally(() => running.delete(job));
      running.add(job);
      // One batch waits for each thread, so that none is idle while the next is made.
      if (running.size >= 2 * threads) await Promise.race(running);
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
