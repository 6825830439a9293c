/** A session without an image: it looks at what the hints name, and at nothing else. */

import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../../src/errors.js";
import type { Hints, SessionReport, WatchedSession } from "../../src/watch/engine.js";

/** Guest path → what is there; a directory's ends with a slash. One character a byte. */
export type Picture = Map<string, string>;

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const text = (path: Buffer): string => path.toString("latin1");
const below = (guest: string): string => (guest === "/" ? "/" : `${guest}/`);

export class FakeSession implements WatchedSession {
  readonly root: Buffer;
  picture: Picture = new Map();
  readonly updates: (Hints | "all")[] = [];
  readonly rests: AbortSignal[] = [];
  isClosed = false;
  /** Fails the next updates. */
  failures: BinaryfsError[] = [];
  /** Runs before an update looks. */
  beforeUpdate: () => Promise<void> | void = () => undefined;
  #isUpdating = false;

  constructor(root: string) {
    this.root = realpathSync.native(Buffer.from(root), "buffer");
  }

  async update(hints: Hints | "all"): Promise<Result<SessionReport>> {
    if (this.#isUpdating || this.isClosed) throw new Error("one update at a time");
    this.#isUpdating = true;
    this.updates.push(hints);
    try {
      await this.beforeUpdate();
      const failure = this.failures.shift();
      if (failure !== undefined) return { ok: false, error: failure };
      const stats = lstatSync(this.root, { throwIfNoEntry: false });
      if (stats === undefined) return fail("root-missing", { path: this.root });
      return ok(this.#look(hints));
    } finally {
      this.#isUpdating = false;
    }
  }

  *directories(): Iterable<Buffer> {
    for (const [path, what] of this.picture) if (what.startsWith("directory")) yield bytes(path);
  }

  hostPath(guest: Buffer): Buffer {
    return guest.length === 1 ? this.root : Buffer.concat([this.root, guest]);
  }

  async idle(signal: AbortSignal): Promise<void> {
    this.rests.push(signal);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** What a look at everything finds. */
  lookAtAll(): Picture {
    const picture: Picture = new Map();
    this.#see("/", picture, true);
    return new Map([...picture].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #look(hints: Hints | "all"): SessionReport {
    const before = this.picture;
    const next: Picture = hints === "all" ? new Map() : new Map(before);
    if (hints === "all") this.#see("/", next, true);
    else {
      for (const file of hints.files) this.#again(text(file), next, false);
      for (const directory of hints.directories) this.#again(text(directory), next, true);
    }
    this.picture = new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
    const changed = [...new Set([...before.keys(), ...next.keys()])].filter((at) => before.get(at) !== next.get(at));
    const directoriesOf = (picture: Picture) => [...picture].filter(([, what]) => what.startsWith("directory"));
    const added = directoriesOf(next).filter(([at]) => !before.get(at)?.startsWith("directory"));
    const removed = directoriesOf(before).filter(([at]) => !next.get(at)?.startsWith("directory"));
    return {
      output: Buffer.from("/lib.so"),
      merkleRoot: Buffer.alloc(32),
      files: this.picture.size,
      imageBytes: 0,
      emittedBytes: 0,
      segmentsEmitted: 0,
      segmentsTotal: 0,
      sourceBytes: 0,
      storeHits: 0,
      durationMs: 1,
      stages: {},
      warnings: [],
      upToDate: changed.length === 0,
      method: changed.length === 0 ? "none" : "copy",
      changed: changed.map(bytes).slice(0, 1000),
      directories:
        added.length + removed.length === 0
          ? undefined
          : { added: added.map(([at]) => bytes(at)), removed: removed.map(([at]) => bytes(at)) },
    };
  }

  /** As the engine: a name that is a directory now as before is looked at without its names. */
  #again(at: string, picture: Picture, isListing: boolean): void {
    const parent = at.slice(0, Math.max(1, at.lastIndexOf("/")));
    if (at !== "/" && !picture.get(parent)?.startsWith("directory")) return;
    const was = picture.get(at)?.startsWith("directory") ?? false;
    const now = new Map<string, string>();
    this.#see(at, now, false);
    const is = now.get(at)?.startsWith("directory") ?? false;
    if (was && is && !isListing) {
      picture.set(at, now.get(at) as string);
      return;
    }
    for (const known of [...picture.keys()]) if (known === at || known.startsWith(below(at))) picture.delete(known);
    this.#see(at, picture, true);
  }

  #see(at: string, picture: Picture, isDeep: boolean): void {
    const host = this.hostPath(bytes(at));
    try {
      const stats = lstatSync(host);
      const kind = stats.isDirectory()
        ? "directory"
        : stats.isSymbolicLink()
          ? `link ${readlinkSync(host)}`
          : `file ${readFileSync(host, "latin1")}`;
      picture.set(at, `${kind} ${stats.mode}`);
      if (!isDeep || !stats.isDirectory()) return;
      for (const name of readdirSync(host, "latin1")) this.#see(`${below(at)}${name}`, picture, true);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
