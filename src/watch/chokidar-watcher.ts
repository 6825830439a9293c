/** Watches directories with chokidar. It follows what it is given and no names in it: edits of files come as its `raw` events. */

import { isUtf8 } from "node:buffer";
import { type FSWatcher, watch } from "chokidar";
import { DirectoryWatcher } from "./directory-watcher.js";
import { failureOf, keyOf, type Place, type Watcher, type WatchListener } from "./watcher.js";

/** Stands in text for bytes that are none. */
const REPLACEMENT = "\ufffd";

interface Watched {
  readonly host: string;
  readonly instance: FSWatcher;
}

export class ChokidarWatcher implements Watcher {
  readonly backend = "chokidar";
  readonly #listener: WatchListener;
  /** By guest path. */
  readonly #watched = new Map<string, Watched>();
  readonly #guests = new Map<string, Buffer>();
  /** Paths that chokidar cannot take. */
  readonly #others: DirectoryWatcher;
  readonly #instances = new Map<FSWatcher, number>();
  /** A closed instance never says that it is ready. */
  readonly #waiting = new Set<() => void>();

  constructor(listener: WatchListener) {
    this.#listener = listener;
    this.#others = new DirectoryWatcher(listener);
  }

  async add(places: readonly Place[]): Promise<void> {
    this.remove(places.map(({ guest }) => guest));
    const texts = places.filter(({ host }) => isPlainText(host));
    await this.#others.add(places.filter(({ host }) => !isPlainText(host)));
    if (texts.length > 0) await this.#watch(texts);
  }

  /** An instance a batch: chokidar says of its first paths alone when they are watched. */
  async #watch(places: readonly Place[]): Promise<void> {
    const hosts = new Set(places.map(({ host }) => host.toString()));
    const instance = watch([], {
      ignored: (path) => !hosts.has(path),
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
    });
    instance.on("raw", (kind: string, name: unknown, details: unknown) => {
      const guest = this.#guests.get((details as { watchedPath?: string }).watchedPath ?? "");
      if (guest === undefined) return;
      const isExact = typeof name === "string" && !name.includes(REPLACEMENT);
      this.#listener.onName(guest, isExact ? Buffer.from(name) : undefined, kind === "rename");
    });
    instance.on("error", (error) => this.#listener.onFailure(failureOf(error)));
    for (const { guest, host } of places) {
      this.#watched.set(keyOf(guest), { host: host.toString(), instance });
      this.#guests.set(host.toString(), guest);
    }
    this.#instances.set(instance, places.length);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      instance.once("ready", done);
      instance.add([...hosts]);
    });
  }

  remove(directories: readonly Buffer[]): void {
    this.#others.remove(directories);
    for (const directory of directories) {
      const key = keyOf(directory);
      const found = this.#watched.get(key);
      if (found === undefined) continue;
      this.#watched.delete(key);
      this.#guests.delete(found.host);
      found.instance.unwatch(found.host);
      const left = (this.#instances.get(found.instance) ?? 0) - 1;
      this.#instances.set(found.instance, left);
      if (left === 0) {
        this.#instances.delete(found.instance);
        void found.instance.close();
      }
    }
  }

  async close(): Promise<void> {
    const instances = [...this.#instances.keys()];
    this.#instances.clear();
    this.#watched.clear();
    this.#guests.clear();
    for (const done of this.#waiting) done();
    await Promise.all([this.#others.close(), ...instances.map((instance) => instance.close())]);
  }
}

/** chokidar takes text alone, and a backslash for a slash; with `/` among its paths it is silent about those beneath. */
const isPlainText = (path: Buffer): boolean => path.length > 1 && isUtf8(path) && !path.includes("\\");
