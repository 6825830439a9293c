/** Links shards, which other actions packed, into a library: no source file is read. */

import { ok, type Result } from "../errors.js";
import type { LayoutName } from "../model.js";
import { readRuntimeFile } from "../runtime-files.js";
import type { Shard } from "../shard/read-shard.js";
import { type ShardTreeOptions, shardTree } from "../shard/shard-tree.js";
import { buildFromNothing } from "./from-nothing.js";
import type { BuildReport } from "./options.js";
import { StageTimer } from "./stage-timer.js";
import { withOutput } from "./stages.js";

export interface AssembleOptions {
  /** Absolute host path. */
  readonly output: Buffer;
  readonly shards: readonly Shard[];
  readonly tree: ShardTreeOptions;
  readonly layout: LayoutName;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export interface Assembled {
  readonly report: BuildReport;
  /** SHA-256 of files' contents by guest path (latin1 text). */
  readonly digests: ReadonlyMap<string, Buffer>;
}

/**
 * The bytes are those that `build` gives for a directory tree with the same names, contents, modes, owners and times.
 * Errors: those of `shardTree`, of planning, serializing and publishing; `input-changed` where a shard changes meanwhile; `template-missing`
 */
export async function assemble(options: AssembleOptions): Promise<Result<Assembled>> {
  const { output, layout, threads, signal } = options;
  const timer = new StageTimer();
  timer.start("select");
  const template = await readRuntimeFile("template.so");
  if (!template.ok) return template;
  const merged = shardTree(options.shards, options.tree);
  if (!merged.ok) return merged;
  const { tree, digests } = merged.value;
  const built = await buildFromNothing(
    { planKey: "", selectionKey: "", tree },
    {
      options: {
        root: "/",
        output,
        layout,
        ...(threads !== undefined && { threads }),
        ...(signal !== undefined && { signal }),
      },
      output,
      place: output,
      template: template.value,
      timer,
    },
  );
  if (!built.ok) return withOutput(built.error, output);
  return ok({ report: { ...built.value.outcome, ...timer.finish() }, digests });
}
