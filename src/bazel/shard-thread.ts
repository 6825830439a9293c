/** The thread of `ShardPool`: packs one shard at a time. */

import type { Result } from "../errors.js";
import { type ShardOptions, type WrittenShard, writeShard } from "../shard/write-shard.js";

export interface ShardTask {
  readonly options: Omit<ShardOptions, "signal">;
  /** Becomes 1 when nobody wants the shard any more. */
  readonly flag: Int32Array;
}

/** Named by `shard-pool.ts`. Failures are cloned to the main thread, which cannot take an exception object along. */
export function packShard({ options, flag }: ShardTask): Result<WrittenShard> {
  const { output, files, rules, links } = options;
  const result = writeShard({
    output: Buffer.from(output),
    // Buffers arrive as plain arrays.
    files: files.map(({ host, known, ...file }) => ({
      ...file,
      host: Buffer.from(host),
      ...(known !== undefined && { known: { ...known, sha256: Buffer.from(known.sha256) } }),
    })),
    rules: rules.map(({ kind, pattern }) => ({ kind, pattern: Buffer.from(pattern) })),
    links,
    signal: {
      get aborted() {
        return Atomics.load(flag, 0) !== 0;
      },
    },
  });
  if (result.ok) return result;
  const { cause: _cause, ...error } = result.error;
  return { ok: false, error };
}
