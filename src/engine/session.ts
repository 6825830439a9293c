/** A library and what is known of it: each update does as much as has changed since the last. */

import { realpathSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fail, ok, type Result } from "../errors.js";
import type { NodeTable, Tree, Warning } from "../model.js";
import { type FileIdentity, identityOf, sameIdentity } from "../publish/identity.js";
import { outputPlace } from "../publish/output-place.js";
import { withoutTraces } from "../publish/own-traces.js";
import { makeSpare, removeSpare } from "../publish/spare.js";
import { sweepTemporaries } from "../publish/temporaries.js";
import { readRuntimeFile } from "../runtime-files.js";
import { keepRacy } from "../select/clean.js";
import { isWithin, parentOf, toBytes, toLatin1 } from "../select/paths.js";
import { type Hints, Selector } from "../select/select.js";
import type { SerializerPool } from "../serialize/pool.js";
import { deltaBetween } from "../tree/delta.js";
import { buildWithCompiler } from "./artefacts.js";
import { changedPaths, directoryChanges, listedDirectories } from "./changed-paths.js";
import { hasRacyFile, settle, settledBy } from "./content-check.js";
import { ContentSource } from "./content-source.js";
import { buildFromNothing } from "./from-nothing.js";
import { updateIncrementally } from "./incremental.js";
import { absolute, type BuildOptions, type BuildReport, mistakeIn, type RemoteReport } from "./options.js";
import { type Built, type TableUpdate, upToDate } from "./outcome.js";
import type { Recorded } from "./recorded.js";
import type { KnownContents, RemoteBuild } from "./remote-build.js";
import { StageTimer } from "./stage-timer.js";
import { stableOptions, withOutput } from "./stages.js";
import { StateKeeper } from "./state-keeper.js";

export interface SessionReport extends BuildReport {
  /** Guest paths that came, went or changed, in byte order; the first 1,000. */
  readonly changed: readonly Buffer[];
  /** Guest paths of directories to look at that came and went; undefined when they are as before. */
  readonly directories: { readonly added: readonly Buffer[]; readonly removed: readonly Buffer[] } | undefined;
}

/** Whoever closes is not to wait until another process is done: a state that is not written costs the next build time, and nothing else. */
const CLOSING_MS = 2000;

const UNASKED: RemoteReport = { outcome: "unasked", downloadedBytes: 0, uploadedBytes: 0 };

export class Session {
  readonly #options: BuildOptions;
  /** As it was named. */
  readonly #output: Buffer;
  /** Where the library is: the output with its symlinks followed. */
  readonly #place: Buffer;
  readonly #template: Buffer;
  readonly #keeper: StateKeeper;
  readonly #contents: ContentSource;
  #pool: SerializerPool | undefined;
  readonly #planKey: string;
  #selector: Selector | undefined;
  #current: Recorded | undefined;
  #discarded: Warning | undefined;
  /** Of a library that is no longer there: its files may still be what they were. */
  #known: KnownContents | undefined;
  /** Of the update that is under way. */
  #remote: RemoteBuild | undefined;
  readonly #closing = new AbortController();
  #idling: { readonly idling: Promise<void>; readonly stop: AbortController } | undefined;
  /** What selection said last. */
  #looked: { readonly before: NodeTable; readonly table: NodeTable; readonly update: TableUpdate } | undefined;

  private constructor(options: BuildOptions, output: Buffer, place: Buffer, template: Buffer, keeper: StateKeeper) {
    this.#options = options;
    this.#output = output;
    this.#place = place;
    this.#template = template;
    this.#keeper = keeper;
    this.#contents = new ContentSource(keeper.store);
    const { layout = "stable", linker = "native", cc, buildTime = 0 } = options;
    const cuts = stableOptions(options).cuts?.map((cut) => cut.toString("latin1"));
    this.#planKey = JSON.stringify({ layout, linker, cc, buildTime, cuts });
  }

  /** Errors: `bad-config`, `output-exists`, `output-unwritable`, `template-missing`, `state-unusable` */
  static async open(options: BuildOptions): Promise<Result<Session>> {
    const mistake = mistakeIn(options);
    if (mistake !== undefined) return fail("bad-config", { detail: mistake });
    const output = absolute(options.output);
    const place = outputPlace(output);
    if (!place.ok) return place;
    const template = await readRuntimeFile("template.so");
    if (!template.ok) return template;
    // What killed builds left goes also when there is nothing to do.
    sweepTemporaries(place.value);
    const keeper = StateKeeper.open(options, place.value, template.value);
    if (!keeper.ok) return keeper;
    return ok(new Session(options, output, place.value, template.value, keeper.value));
  }

  /**
   * Brings the library up to date. One update at a time.
   * @param hints what may have changed, or everything
   * @param isLast nothing follows but `close`: what later builds need is recorded at once
   * Errors: those of `Selector`, of planning, serializing and publishing; `input-changed` once two attempts met a tree in motion
   */
  async update(hints: Hints | "all", isLast = false): Promise<Result<SessionReport>> {
    const timer = new StageTimer();
    timer.start("state");
    await this.#stopIdling();
    await this.#contents.settle();
    const locked = await this.#keeper.lock(this.#options);
    if (!locked.ok) return locked;
    const before = this.#current?.tree.table;
    try {
      const place = this.#placeInRoot();
      // Each by itself: a second attempt is to see the directory as it was before the first.
      const attempt = (what: Hints | "all") => withoutTraces(place, () => this.#attempt(what, timer));
      const first = await attempt(hints);
      const again = !first.ok && first.error.code === "input-changed";
      // A tree that changes under the build gets a second chance: most changes are over by then.
      const built = again ? await attempt("all") : first;
      if (!built.ok) return withOutput(built.error, this.#output);
      this.#adopt(built.value);
      if (isLast) {
        timer.start("state");
        await withoutTraces(place, () => this.#contents.keep());
        // Published already: whoever waits for the library need not wait for the cache.
        if (!built.value.outcome.upToDate) await this.#share(timer);
        timer.start("state");
        this.#keeper.flush();
      }
      return ok(this.#report(built.value, before, timer));
    } finally {
      this.#remote?.close();
      this.#remote = undefined;
      locked.value.release();
    }
  }

  /** Guest paths of all directories that were listed. */
  directories(): Iterable<Buffer> {
    return this.#current === undefined ? [] : listedDirectories(this.#current.tree.table);
  }

  /** Host path of ROOT without symlinks; as it was named while that is not known. */
  get root(): Buffer {
    const host = this.#current?.tree.rootHost;
    return host === undefined ? absolute(this.#options.root) : Buffer.from(host || "/", "latin1");
  }

  /** The library, where its directory is a part of what is packed. */
  #placeInRoot(): Buffer | undefined {
    const directory = toBytes(parentOf(toLatin1(this.#place)));
    try {
      const root = realpathSync.native(absolute(this.#options.root), "buffer").toString("latin1");
      return isWithin(realpathSync.native(directory, "buffer").toString("latin1"), root) ? this.#place : undefined;
    } catch {
      return undefined;
    }
  }

  hostPath(guest: Buffer): Buffer {
    const { root } = this;
    if (guest.length <= 1) return root;
    return root.length <= 1 ? guest : Buffer.concat([root, guest]);
  }

  /**
   * What makes later updates faster: the store, the spare, the state. Stops early when aborted.
   * @param calmMs milliseconds to wait before the state is written
   */
  async idle(signal: AbortSignal, calmMs = 0): Promise<void> {
    await this.#stopIdling();
    const stop = new AbortController();
    const idling = this.#idle(AbortSignal.any([signal, stop.signal]), calmMs);
    this.#idling = { idling, stop };
    await idling;
  }

  async #idle(signal: AbortSignal, calmMs: number): Promise<void> {
    await this.#contents.keep(signal);
    await this.#spareAhead(signal);
    // Writing the state of a large tree takes as long as an update does: it waits until edits do not follow each other.
    if (calmMs > 0) await delay(calmMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const locked = await this.#keeper.lock({ signal });
    if (!locked.ok) return;
    this.#flush();
    locked.value.release();
  }

  async #spareAhead(signal: AbortSignal): Promise<void> {
    const locked = await this.#keeper.lock({ signal });
    if (!locked.ok) return;
    try {
      // An update is better served by a spare that is soon complete than by a copy of its own that begins anew.
      if (!signal.aborted) await withoutTraces(this.#placeInRoot(), () => this.#prepareSpare(this.#closing.signal));
    } finally {
      locked.value.release();
    }
  }

  /** Does what of `idle` must not be lost; no temporary and no thread is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#stopIdling();
    await this.#contents.keep();
    if (this.#keeper.hasUnwritten) {
      const locked = await this.#keeper.lock({ signal: AbortSignal.timeout(CLOSING_MS) });
      if (locked.ok) {
        this.#flush();
        locked.value.release();
      }
    }
    await this.#pool?.close();
    this.#pool = undefined;
  }

  async #attempt(hints: Hints | "all", timer: StageTimer): Promise<Result<Built>> {
    timer.start("state");
    const recalled = this.#recall();
    if (!recalled.ok) return recalled;
    const current = this.#current;
    timer.start("select");
    const isKnown = current !== undefined && current.planKey === this.#planKey;
    // An update reads ignore files and finds ROOT again; a selection from nothing goes by what was read at the opening.
    if (this.#selector === undefined || !isKnown || current.selectionKey !== this.#selector.key) {
      const opened = Selector.open(this.#selectOptions());
      if (!opened.ok) return opened;
      this.#selector = opened.value;
    }
    const selector = this.#selector;
    if (!isKnown) return this.#fromNothing(selector, timer);
    const looked = lookAgain(selector, current, hints);
    if (!looked.ok) return looked;
    const { tree, update } = looked.value;
    this.#looked = update && { before: current.tree.table, table: tree.table, update };
    if (current.incremental === undefined) {
      const isSame = update === undefined && !hasRacyFile(tree);
      return isSame
        ? ok({ recorded: current, outcome: upToDate(this.#output, current) })
        : this.#fromNothing(selector, timer, tree);
    }
    const built = await updateIncrementally({
      options: this.#options,
      output: this.#output,
      place: this.#place,
      template: this.#template,
      spareDirectories: this.#keeper.spareDirectories,
      contents: this.#contents,
      pool: () => this.#threads(),
      selectionKey: selector.key,
      current,
      onSpare: (spare) => {
        this.#current = { ...current, published: { ...current.published, spare } };
      },
      tree,
      update,
      timer,
    });
    return built.ok && built.value === undefined ? this.#fromNothing(selector, timer, tree) : (built as Result<Built>);
  }

  /** What is known holds only for the very file that was published. */
  #recall(): Result<void> {
    const there = identityOf(this.#place);
    if (this.#current !== undefined && sameIdentity(there, this.#current.published.library)) return ok(undefined);
    const read = this.#keeper.read();
    if (!read.ok) return read;
    const { recorded, discarded } = read.value;
    if (discarded !== undefined) this.#discarded = { code: "state-discarded", detail: discarded };
    this.#current = sameIdentity(there, recorded?.published.library) ? recorded : undefined;
    this.#rememberContents(recorded);
    return ok(undefined);
  }

  #rememberContents(recorded: Recorded | undefined): void {
    if (recorded?.remote === undefined) return;
    this.#known = { table: recorded.tree.table, contents: recorded.remote.contents };
  }

  /** Loaded here: most builds have no use for it, one that is up to date among them. */
  async #openRemote(): Promise<RemoteBuild | undefined> {
    const { remoteCache: remote } = this.#options;
    if (remote === undefined || this.#remote !== undefined) return this.#remote;
    const { RemoteBuild } = await import("./remote-build.js");
    const pool = () => this.#threads();
    this.#remote = new RemoteBuild({ remote, build: this.#options, template: this.#template, pool });
    return this.#remote;
  }

  async #share(timer: StageTimer): Promise<void> {
    const remote = await this.#openRemote();
    if (remote === undefined || this.#current === undefined) return;
    const recorded = await remote.share(this.#current, this.#place, timer);
    if (recorded !== this.#current) this.#keeper.record(recorded);
    this.#current = recorded;
  }

  async #fromNothing(selector: Selector, timer: StageTimer, known?: Tree): Promise<Result<Built>> {
    timer.start("select");
    const tree = known === undefined ? selector.select() : ok(known);
    if (!tree.ok) return tree;
    const settled = settledBy(tree.value, Date.now());
    const built = await this.#makeAnew({ planKey: this.#planKey, selectionKey: selector.key, tree: tree.value }, timer);
    if (built.ok) settle(tree.value.table, settled);
    return built;
  }

  async #makeAnew(
    facts: Pick<Recorded, "planKey" | "selectionKey" | "tree">,
    timer: StageTimer,
  ): Promise<Result<Built>> {
    if (this.#options.linker === "gcc") {
      timer.start("link");
      const built = await buildWithCompiler(this.#options);
      if (!built.ok) return built;
      const { digest = "", merkleRoot, imageBytes } = built.value;
      const published = { library: identityOf(this.#place) as FileIdentity };
      return ok({
        recorded: { ...facts, published, digest, merkleRoot, imageBytes },
        outcome: built.value,
      });
    }
    // It is of no use to a library that is made anew, and may take the space which that needs.
    removeSpare(this.#place, this.#keeper.spareDirectories);
    const workshop = {
      options: this.#options,
      output: this.#output,
      place: this.#place,
      template: this.#template,
      timer,
    };
    this.#rememberContents(this.#current);
    const remote = await this.#openRemote();
    return remote === undefined ? buildFromNothing(facts, workshop) : remote.make(facts, workshop, this.#known);
  }

  async #stopIdling(): Promise<void> {
    this.#idling?.stop.abort();
    await this.#idling?.idling;
    this.#idling = undefined;
  }

  #adopt({ recorded }: Built): void {
    if (recorded !== this.#current) this.#keeper.record(recorded);
    this.#current = recorded;
  }

  #report({ recorded, outcome }: Built, before: NodeTable | undefined, timer: StageTimer): SessionReport {
    const { table } = recorded.tree;
    const remote = this.#remote;
    const own = [this.#keeper.warning, this.#discarded, ...(remote?.warnings ?? [])].filter(
      (warning) => warning !== undefined,
    );
    const warnings = own.length === 0 ? outcome.warnings : [...own, ...outcome.warnings];
    this.#keeper.warning = undefined;
    this.#discarded = undefined;
    const asked = this.#options.remoteCache && { remote: remote?.report ?? UNASKED };
    const report = { ...outcome, warnings, ...asked, ...timer.finish() };
    if (before === undefined || before === table) return { ...report, changed: [], directories: undefined };
    const looked = this.#looked;
    const isKnown = looked !== undefined && looked.before === before && looked.table === table;
    this.#looked = undefined;
    const { origin, delta } = isKnown ? looked.update : updateBetween(before, table);
    return {
      ...report,
      changed: changedPaths(before, table, delta),
      directories: directoryChanges(before, table, origin, delta),
    };
  }

  /** Unless another process has published since. */
  #flush(): void {
    const there = identityOf(this.#place);
    if (sameIdentity(there, this.#current?.published.library)) this.#keeper.flush();
  }

  async #prepareSpare(signal: AbortSignal): Promise<void> {
    const current = this.#current;
    if (current?.incremental === undefined || current.published.spare !== undefined) return;
    const { library } = current.published;
    const spareDirectories = this.#keeper.spareDirectories;
    if (spareDirectories.length === 0) return;
    const spare = await makeSpare({ output: this.#place, library, spareDirectories, signal });
    // Without one the next update copies.
    if (!spare.ok || spare.value === undefined) return;
    this.#current = { ...current, published: { ...current.published, spare: spare.value } };
    this.#keeper.record(this.#current);
  }

  /** Started once it is worth it, and kept. */
  async #threads(): Promise<SerializerPool> {
    const { SerializerPool } = await import("../serialize/pool.js");
    this.#pool ??= new SerializerPool(this.#options.threads ?? availableParallelism());
    return this.#pool;
  }

  #selectOptions() {
    const { onProgress, state: _state, ...options } = this.#options;
    return {
      ...options,
      outputs: [this.#output, this.#place, ...this.#keeper.ownPaths],
      ...(onProgress && {
        onProgress: (done: number): void => onProgress({ stage: "select", done, total: 0, unit: "files" }),
      }),
    };
  }
}

/** @returns the tree now; `update` is absent when nothing was found to differ */
function lookAgain(
  selector: Selector,
  { tree, selectionKey }: Recorded,
  hints: Hints | "all",
): Result<{ readonly tree: Tree; readonly update?: TableUpdate }> {
  if (selectionKey !== selector.key) {
    const selected = selector.select();
    if (!selected.ok) return selected;
    const { table } = selected.value;
    const update = updateBetween(tree.table, table);
    keepRacy(tree.table, table, update.origin);
    return ok({ tree: selected.value, update });
  }
  const looked = selector.update(tree, hints);
  if (!looked.ok) return looked;
  if (looked.value.kind === "unchanged") return ok({ tree });
  const { origin, ranges, changedRows, removedRows } = looked.value;
  return ok({ tree: looked.value.tree, update: { origin, delta: { ranges, changedRows, removedRows } } });
}

function updateBetween(previous: NodeTable, next: NodeTable): TableUpdate {
  const { origin, ...delta } = deltaBetween(previous, next);
  return { origin, delta };
}
