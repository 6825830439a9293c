/** Links shards, which other actions packed, into a library: no source file is read. Again and again, as much as has changed. */

import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import type { LayoutName } from "../model.js";
import { type FileIdentity, identityOf, sameIdentity } from "../publish/identity.js";
import { currentUmask, LIBRARY_MODE, type Spare } from "../publish/spare.js";
import { isAlive, temporaryPath, trackTemporary, untrackTemporary } from "../publish/temporaries.js";
import { readRuntimeFile } from "../runtime-files.js";
import type { SerializerPool } from "../serialize/pool.js";
import type { Shard } from "../shard/read-shard.js";
import { type ShardTree, type ShardTreeOptions, shardTree } from "../shard/shard-tree.js";
import { deltaBetween } from "../tree/delta.js";
import { ContentSource } from "./content-source.js";
import { buildFromNothing, type Workshop } from "./from-nothing.js";
import { updateIncrementally } from "./incremental.js";
import type { BuildReport } from "./options.js";
import type { Built } from "./outcome.js";
import type { Recorded } from "./recorded.js";
import { StageTimer } from "./stage-timer.js";
import { withOutput } from "./stages.js";

export interface AssembleOptions {
  /** Absolute host path of the library. */
  readonly output: Buffer;
  readonly shards: readonly Shard[];
  readonly tree: ShardTreeOptions;
  readonly layout: LayoutName;
  readonly signal?: AbortSignal;
}

export interface Assembled {
  readonly report: BuildReport;
  readonly tree: ShardTree;
}

/**
 * The bytes are those that `build` gives for a directory tree with the same names, contents, modes, owners and times.
 * Errors: those of `shardTree`, of planning, serializing and publishing; `input-changed` where a shard changes meanwhile; `template-missing`
 */
export async function assemble(options: AssembleOptions): Promise<Result<Assembled>> {
  return new Assembly().link(options);
}

/**
 * One library that is linked time and again by one process. Build systems remove an output before they make it anew, so the last library stays under a second name of the
 * same file, in a directory of the assembly's own; it is written to only once the output is gone and nobody has it open.
 */
export class Assembly {
  /** Of this object alone: other processes may link the same output. */
  #kept: Buffer | undefined;
  readonly #base: Buffer | undefined;
  #current: Recorded | undefined;
  #pool: SerializerPool | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param base absolute host path of a directory on the output's file system, which need not exist; without one every link is made from nothing */
  constructor(base?: Buffer) {
    this.#base = base;
    this.#kept = base && Buffer.concat([base, Buffer.from(`/${process.pid}-${randomBytes(6).toString("hex")}`)]);
  }

  /** One after another, also where a request that nobody waits for any more is still under way. Errors: see `assemble` */
  async link(options: AssembleOptions): Promise<Result<Assembled>> {
    const before = this.#last;
    const linked = before.then(() => this.#link(options));
    this.#last = linked.catch(() => undefined);
    return linked;
  }

  async #link(options: AssembleOptions): Promise<Result<Assembled>> {
    if (options.signal?.aborted === true) return fail("interrupted");
    const { output, layout, shards } = options;
    const timer = new StageTimer();
    timer.start("select");
    const template = await readRuntimeFile("template.so");
    if (!template.ok) return template;
    const tree = shardTree(shards, options.tree);
    if (!tree.ok) return tree;
    const place = layout === "stable" ? this.#place() : undefined;
    const { signal } = options;
    const workshop: Workshop = {
      options: { root: "/", output, layout, ...(signal !== undefined && { signal }) },
      output: place ?? output,
      place: place ?? output,
      template: template.value,
      timer,
    };
    const built = await this.#build(tree.value, workshop, place !== undefined);
    if (!built.ok) return withOutput(built.error, output);
    this.#current = place === undefined ? undefined : built.value.recorded;
    if (place !== undefined && !giveName(place, output)) {
      // The output is on another file system, or this one knows no second names: from now on without.
      this.forget();
      this.#kept = undefined;
      const again = await this.#build(tree.value, { ...workshop, output, place: output }, false);
      if (!again.ok) return withOutput(again.error, output);
    }
    return ok({ report: { ...built.value.outcome, output, ...timer.finish() }, tree: tree.value });
  }

  /** Removes the second name and what is kept beside it. */
  forget(): void {
    this.#current = undefined;
    if (this.#kept === undefined || this.#base === undefined) return;
    rmSync(this.#kept, { recursive: true, force: true });
    sweep(this.#base);
  }

  async close(): Promise<void> {
    this.forget();
    await this.#pool?.close();
    this.#pool = undefined;
  }

  async #build(tree: ShardTree, workshop: Workshop, isKept: boolean): Promise<Result<Built>> {
    const current = isKept ? this.#recall(workshop.place) : undefined;
    if (current?.incremental !== undefined) {
      const { origin, ...delta } = deltaBetween(current.tree.table, tree.table);
      const built = await updateIncrementally({
        ...workshop,
        spareDirectories: [this.#kept as Buffer],
        contents: new ContentSource(undefined),
        pool: () => this.#threads(),
        current,
        onSpare: (spare) => {
          this.#current = { ...current, published: { ...current.published, spare } };
        },
        selectionKey: "",
        tree,
        update: { origin, delta },
      });
      if (!built.ok || built.value !== undefined) return built as Result<Built>;
    }
    return buildFromNothing({ planKey: "", selectionKey: "", tree }, workshop);
  }

  /** Where the library stands under its second name. */
  #place(): Buffer | undefined {
    if (this.#kept === undefined) return undefined;
    try {
      if (this.#current === undefined) this.forget();
      mkdirSync(this.#kept, { recursive: true, mode: 0o700 });
      return Buffer.concat([this.#kept, Buffer.from("/library.so")]);
    } catch {
      return undefined;
    }
  }

  /** The build system has changed the file's mode and its names, and so its ctime, but neither its bytes nor its mtime. */
  #recall(place: Buffer): Recorded | undefined {
    const current = this.#current;
    const library = current && renewed(place, current.published.library);
    if (current === undefined || library === undefined) return undefined;
    const { spare } = current.published;
    if (spare !== undefined) makeWritable(spare.path);
    const identity = spare && renewed(spare.path, spare.identity);
    const kept: Spare | undefined = spare && identity && { ...spare, identity };
    return { ...current, published: { library, ...(kept !== undefined && { spare: kept }) } };
  }

  async #threads(): Promise<SerializerPool> {
    const { SerializerPool } = await import("../serialize/pool.js");
    this.#pool ??= new SerializerPool(availableParallelism());
    return this.#pool;
  }
}

/** What processes left that were killed; and the directory itself, if nobody keeps anything there. */
function sweep(base: Buffer): void {
  try {
    for (const name of readdirSync(base, "latin1")) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1]);
      if (Number.isNaN(pid) || isAlive(pid)) continue;
      rmSync(Buffer.concat([base, Buffer.from(`/${name}`, "latin1")]), { recursive: true, force: true });
    }
    rmdirSync(base);
  } catch {
    // Not there, or in use.
  }
}

/** Bazel takes away the right to write from its outputs, and so from the file that was one. Of one that has another name still, nothing is changed. */
function makeWritable(path: Buffer): void {
  try {
    if (lstatSync(path).nlink === 1) chmodSync(path, LIBRARY_MODE & ~currentUmask());
  } catch {
    // Not ours: then it is not written to.
  }
}

/** @returns the identity now, where all but the ctime is as before */
function renewed(path: Buffer, known: FileIdentity): FileIdentity | undefined {
  const now = identityOf(path);
  return now !== undefined && sameIdentity({ ...now, ctimeNs: known.ctimeNs }, known) ? now : undefined;
}

/** @returns whether `output` is a name of the file now; whatever it named before is replaced */
function giveName(file: Buffer, output: Buffer): boolean {
  const temporary = temporaryPath(output);
  try {
    linkSync(file, temporary);
    trackTemporary(temporary);
    renameSync(temporary, output);
    // Two names of one file: rename(2) leaves both where they were.
    rmSync(temporary, { force: true });
    return true;
  } catch {
    rmSync(temporary, { force: true });
    return false;
  } finally {
    untrackTemporary(temporary);
  }
}
