/** The state of one output: where it is kept, who may touch it now, and when it is worth writing. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import type { Warning } from "../model.js";
import { spareDirectoryBeside } from "../publish/spare-place.js";
import { ContentStore } from "../store/content-store.js";
import { StateLock } from "../store/lock.js";
import { openStateDirectory, type StateDirectory } from "../store/state-directory.js";
import { readState, writeState } from "../store/state-file.js";
import { absolute, type BuildOptions } from "./options.js";
import { decodeRecorded, encodeRecorded, type Recorded } from "./recorded.js";

/** Rises when what is recorded, or how plans are made, changes. */
const ENGINE_VERSION = 1;

export class StateKeeper {
  /** Candidates for the spare, in order. */
  readonly spareDirectories: readonly Buffer[];
  /** Host paths of directories that are never selected. */
  readonly ownPaths: readonly Buffer[];
  readonly store: ContentStore | undefined;
  /** Why nothing is kept though it was to be. */
  warning: Warning | undefined;
  readonly #directory: StateDirectory | undefined;
  readonly #engine: string;
  #unwritten: Recorded | undefined;

  private constructor(output: Buffer, engine: string, directory?: StateDirectory) {
    this.#engine = engine;
    this.#directory = directory;
    this.store = directory && new ContentStore(directory.store);
    this.ownPaths = directory === undefined ? [] : [directory.path, directory.store];
    this.spareDirectories = directory === undefined ? [] : [directory.path, spareDirectoryBeside(output)];
  }

  /**
   * @param output host path of the library
   * @param template the runtime: what is recorded of a library with another one is not for this engine
   * Errors: `state-unusable`
   */
  static open(options: BuildOptions, output: Buffer, template: Buffer): Result<StateKeeper> {
    const engine = createHash("sha256").update(`${ENGINE_VERSION}\0`).update(template).digest("hex");
    if (options.state === false) return ok(new StateKeeper(output, engine));
    const directory = options.state === undefined ? {} : { directory: absolute(options.state) };
    const opened = openStateDirectory({ output, ...directory, env: process.env });
    if (opened.ok) return ok(new StateKeeper(output, engine, opened.value));
    // Nobody asked for the default one: without it, builds take longer.
    if (options.state !== undefined) return opened;
    const { path, detail } = opened.error;
    const keeper = new StateKeeper(output, engine);
    keeper.warning = { code: "state-unusable", ...(path && { path }), ...(detail !== undefined && { detail }) };
    return ok(keeper);
  }

  get hasUnwritten(): boolean {
    return this.#directory !== undefined && this.#unwritten !== undefined;
  }

  /** Waits until no other process works on the state. Errors: `interrupted`, `state-unusable`. */
  async lock({ onWait, signal }: Pick<BuildOptions, "onWait" | "signal">): Promise<Result<{ release(): void }>> {
    if (this.#directory === undefined) return ok({ release: () => undefined });
    return StateLock.acquire(this.#directory.path, onWait ?? (() => undefined), signal);
  }

  /** What the last build recorded; nothing where there was none. Errors: `unreadable` */
  read(): Result<{ readonly recorded?: Recorded; readonly discarded?: string }> {
    if (this.#directory === undefined) return ok({});
    const read = readState(this.#directory.state);
    if (!read.ok) return read;
    if (read.value.kind === "absent") return ok({});
    if (read.value.kind === "discarded") return ok({ discarded: read.value.reason });
    const recorded = decodeRecorded(read.value.contents, this.#engine);
    return ok(recorded === undefined ? { discarded: "engine" } : { recorded });
  }

  /** To be written by `flush`. */
  record(recorded: Recorded): void {
    this.#unwritten = recorded;
  }

  /** A state that cannot be written costs time later, and nothing now. */
  flush(): void {
    const recorded = this.#unwritten;
    this.#unwritten = undefined;
    if (recorded !== undefined && this.#directory !== undefined) {
      writeState(this.#directory.state, encodeRecorded(recorded, this.#engine));
    }
  }
}
