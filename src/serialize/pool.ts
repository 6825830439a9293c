/** Worker threads that carry out batches and hash contents; they share the descriptors of the process, and stay until the pool is closed. */

import { Piscina } from "piscina";
import type { Result } from "../errors.js";
import type { HashJob } from "../fingerprint/hash-job.js";
import { packageFile } from "../runtime-files.js";
import type { Batch, BatchOutcome } from "./batch-format.js";
import type { Target } from "./target.js";
import type { hashContents, serializeBatch, WorkerTask } from "./worker.js";

/** Bundled, also when this module itself runs as TypeScript (in tests): a thread starts faster with one file than with twenty. */
const WORKER = packageFile("dist/bin/worker.js");
/** Batches that wait for each thread, so that none is idle while the calling one carries out a batch of its own. */
const BATCHES_A_THREAD = 3;

export class SerializerPool {
  /** Batches that may be under way at once; the calling thread should carry out further ones itself. */
  readonly capacity: number;
  readonly #piscina: Piscina;

  /** @param threads at least 2, the calling one among them. They start at once, and do not keep the process alive while idle. */
  constructor(threads: number) {
    const workers = Math.max(1, threads - 1);
    this.capacity = workers * BATCHES_A_THREAD;
    this.#piscina = new Piscina({
      filename: WORKER,
      name: "serializeBatch" satisfies (typeof serializeBatch)["name"],
      minThreads: workers,
      maxThreads: workers,
      // Handed over ahead: the calling thread is often too busy to answer a thread that asks for more.
      concurrentTasksPerWorker: BATCHES_A_THREAD,
    });
  }

  /** The batch is handed over: it cannot be used any more. Errors: those of `runBatch` */
  async run(batch: Batch, target: Target): Promise<Result<BatchOutcome>> {
    const { zeros, metadata, stretches, reads } = batch;
    const columns = [zeros, metadata, stretches, reads.paths, reads.pathEnd, reads.stats, reads.parts];
    const task: WorkerTask = { batch, target };
    const transferList = columns.map(({ buffer }) => buffer);
    const result: Awaited<ReturnType<typeof serializeBatch>> = await this.#piscina.run(task, { transferList });
    return result.ok ? result : { ok: false, error: withBufferPath(result.error) };
  }

  /** @returns 32 bytes a content. Errors: those of `runHashJob` */
  async hash(job: HashJob): Promise<ReturnType<typeof hashContents>> {
    const name = "hashContents" satisfies (typeof hashContents)["name"];
    const result: ReturnType<typeof hashContents> = await this.#piscina.run(job, { name });
    return result.ok ? result : { ok: false, error: withBufferPath(result.error) };
  }

  /** Once nothing is under way. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}

/** A Buffer arrives from a thread as a plain Uint8Array. */
function withBufferPath<T extends { readonly path?: Uint8Array }>(error: T): T & { readonly path?: Buffer } {
  return error.path === undefined ? (error as T & { path?: Buffer }) : { ...error, path: Buffer.from(error.path) };
}
