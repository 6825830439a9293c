/** Watches directories one by one with inotify through `fs.watch`: little memory and a fast start, also on large trees. */

import { type FSWatcher, watch } from "node:fs";
import { failureOf, keyOf, type Place, type Watcher, type WatchListener } from "./watcher.js";

/** As `fs.watch` is called here: tests put limits in its place. */
export type WatchFunction = (
  path: Buffer,
  options: { encoding: "buffer" },
  onEvent: (kind: string, name: Buffer | null) => void,
) => Pick<FSWatcher, "close" | "on">;

export class DirectoryWatcher implements Watcher {
  readonly backend = "directories";
  readonly #listener: WatchListener;
  readonly #watch: WatchFunction;
  readonly #watches = new Map<string, Pick<FSWatcher, "close">>();

  constructor(listener: WatchListener, watchDirectory: WatchFunction = watch) {
    this.#listener = listener;
    this.#watch = watchDirectory;
  }

  async add(places: readonly Place[]): Promise<void> {
    for (const { guest, host } of places) {
      const key = keyOf(guest);
      this.#watches.get(key)?.close();
      this.#watches.delete(key);
      try {
        const one = this.#watch(host, { encoding: "buffer" }, (kind, name) =>
          this.#listener.onName(guest, name ?? undefined, kind === "rename"),
        );
        one.on("error", (error) => this.#listener.onFailure(failureOf(error, guest)));
        this.#watches.set(key, one);
      } catch (error) {
        const failure = failureOf(error, guest);
        this.#listener.onFailure(failure);
        // The rest would fail alike.
        if (failure.kind === "limit") return;
      }
    }
  }

  remove(directories: readonly Buffer[]): void {
    for (const directory of directories) {
      const key = keyOf(directory);
      this.#watches.get(key)?.close();
      this.#watches.delete(key);
    }
  }

  async close(): Promise<void> {
    for (const one of this.#watches.values()) one.close();
    this.#watches.clear();
  }
}
