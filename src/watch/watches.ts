/** The watches of one session: keeps them in line with its directories, and turns what they tell into inputs of the state machine. */

import { backendFor, settingOf, type WatcherFactory } from "./backend.js";
import type { SessionReport, WatchedSession } from "./engine.js";
import type { Hint, Input } from "./machine.js";
import { rootIdentity } from "./root-place.js";
import type { WatchEvent } from "./watch-events.js";
import { WatchedSet } from "./watched-set.js";
import type { Watcher, WatchFailure } from "./watcher.js";

/** More new watches than this are followed by a look at everything. */
const FEW = 500;
const SLASH = Buffer.from("/");

export class Watches {
  readonly #session: WatchedSession;
  readonly #isOwn: (host: Buffer) => boolean;
  readonly #factory: WatcherFactory;
  readonly #input: (input: Input) => void;
  readonly #event: (event: WatchEvent) => void;
  readonly #set = new WatchedSet();
  #watcher: Watcher | undefined;
  #root: string | undefined;
  #closing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(
    session: WatchedSession,
    isOwn: (host: Buffer) => boolean,
    factory: WatcherFactory,
    input: (input: Input) => void,
    event: (event: WatchEvent) => void,
  ) {
    this.#session = session;
    this.#isOwn = isOwn;
    this.#factory = factory;
    this.#input = input;
    this.#event = event;
  }

  get size(): number {
    return this.#set.size;
  }

  get backend(): Watcher["backend"] | "polling" {
    return this.#watcher?.backend ?? "polling";
  }

  /** Whether `attach` would have anything to do. */
  isDue(report: SessionReport): boolean {
    return this.#watcher === undefined || this.#set.isStale || report.directories !== undefined || isAnew(report);
  }

  /** Watches what the session lists. @returns what is to be looked at again; undefined: everything */
  async attach(report: SessionReport): Promise<Hint[] | undefined> {
    const directories = report.directories ?? { added: [], removed: [] };
    const size = this.#set.size + directories.added.length - directories.removed.length;
    if (this.#watcher?.backend === "chokidar" && backendFor(size / 2, report.files / 2) === "directories")
      this.detach();
    const isFirst = this.#watcher === undefined;
    const change =
      isFirst || isAnew(report)
        ? this.#set.become(this.#session.directories())
        : this.#set.change(directories.added, directories.removed);
    this.#watcher ??= this.#make(backendFor(this.#set.size, report.files));
    this.#root ??= rootIdentity(this.#session.root);
    const watcher = this.#watcher;
    watcher.remove(change.remove);
    await watcher.add(change.add.map((guest) => ({ guest, host: this.#session.hostPath(guest) })));
    if (isFirst || change.add.length > FEW) return undefined;
    return change.add.map((path) => ({ path, isListing: true }));
  }

  detach(): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#root = undefined;
    this.#set.clear();
    if (watcher !== undefined) this.#closing = Promise.all([this.#closing, watcher.close()]).then(() => undefined);
  }

  /** Resolves when no watch is left. */
  async close(): Promise<void> {
    this.detach();
    await this.#closing;
  }

  #make(backend: Watcher["backend"]): Watcher {
    const watcher: Watcher = this.#factory(backend, {
      // What was closed may still have something to say.
      onName: (directory, name, isRename) => {
        if (this.#watcher === watcher) this.#onName(directory, name, isRename);
      },
      onFailure: (failure) => {
        if (this.#watcher === watcher) this.#onFailure(failure);
      },
    });
    return watcher;
  }

  #onName(directory: Buffer, name: Buffer | undefined, isRename: boolean): void {
    if (name === undefined) {
      this.#hint(directory, true);
      return;
    }
    if (directory.length === 1 && name.equals(lastName(this.#session.root))) this.#onRoot(isRename);
    const path = Buffer.concat(directory.length === 1 ? [SLASH, name] : [directory, SLASH, name]);
    if (this.#isOwn(this.#session.hostPath(path))) return;
    // Another directory stands there now, or none: which of the rows beneath are still true is not known.
    if (isRename && this.#set.renamed(path)) this.#input({ kind: "doubt" });
    this.#hint(path, false);
  }

  /** A directory's own changes come under its own name. */
  #onRoot(isRename: boolean): void {
    if (isRename && rootIdentity(this.#session.root) !== this.#root) {
      this.#root = undefined;
      this.#set.renamed(SLASH);
      this.#input({ kind: "doubt" });
    }
    this.#hint(SLASH, false);
  }

  #onFailure(failure: WatchFailure): void {
    const { kind, directory, code } = failure;
    if (kind === "gone" && directory !== undefined) {
      // Its parent has told, or will.
      this.#set.forget(directory);
      this.#hint(directory, false);
      return;
    }
    if (kind === "gone") {
      this.#input({ kind: "doubt" });
      return;
    }
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const setting = settingOf(code);
    this.#event({ kind: "polling", code, ...(setting !== undefined && { setting }) });
    this.#input({ kind: "watching-failed" });
  }

  #hint(path: Buffer, isListing: boolean): void {
    this.#input({ kind: "hint", hint: { path, isListing } });
  }
}

/** Built from nothing: what went before may be unknown to the report. */
const isAnew = (report: SessionReport): boolean => report.method === "new" || report.method === "remote";

const lastName = (path: Buffer): Buffer => path.subarray(path.lastIndexOf("/") + 1);
