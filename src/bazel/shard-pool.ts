/** Threads that pack shards, so that one worker process serves several requests at once. */

import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import type { Result } from "../errors.js";
import { packageFile } from "../runtime-files.js";
import type { ShardOptions, WrittenShard } from "../shard/write-shard.js";
import type { packShard, ShardTask } from "./shard-thread.js";

export class ShardPool {
  readonly #piscina = new Piscina({
    filename: packageFile("dist/bin/shard-thread.js"),
    name: "packShard" satisfies (typeof packShard)["name"],
    minThreads: 1,
    maxThreads: availableParallelism(),
    idleTimeout: 60_000,
  });

  /** Errors: those of `writeShard` */
  async write(options: Omit<ShardOptions, "signal">, signal?: AbortSignal): Promise<Result<WrittenShard>> {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const abort = (): void => {
      Atomics.store(flag, 0, 1);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const task: ShardTask = { options, flag };
      const result: Awaited<ReturnType<typeof packShard>> = await this.#piscina.run(task);
      return withBuffers(result);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}

/** Buffers arrive from a thread as plain arrays. */
function withBuffers(result: Result<WrittenShard>): Result<WrittenShard> {
  if (result.ok) {
    const packed = new Map(
      [...result.value.packed].map(([host, { sha256, identity }]) => [host, { sha256: Buffer.from(sha256), identity }]),
    );
    return { ok: true, value: { packed } };
  }
  const { path, ...error } = result.error;
  return { ok: false, error: { ...error, ...(path !== undefined && { path: Buffer.from(path) }) } };
}
