/** Which directories are watched, and which of those watches may belong to a directory that has moved away from its path. */

import { keyOf } from "./watcher.js";

export class WatchedSet {
  readonly #watched = new Map<string, Buffer>();
  readonly #stale = new Set<string>();

  get size(): number {
    return this.#watched.size;
  }

  get isStale(): boolean {
    return this.#stale.size > 0;
  }

  /** A name came or went. @returns whether a directory is watched there: it and all beneath are others now, or none */
  renamed(path: Buffer): boolean {
    const key = keyOf(path);
    const isWatched = this.#watched.has(key);
    if (isWatched) this.#stale.add(key);
    return isWatched;
  }

  /** To watch (those whose watches are in doubt among them) and no longer to watch. Afterwards the set is as wished. */
  change(added: Iterable<Buffer>, removed: Iterable<Buffer>): { add: Buffer[]; remove: Buffer[] } {
    const remove: Buffer[] = [];
    for (const path of removed) if (this.#watched.delete(keyOf(path))) remove.push(path);
    const add = new Map<string, Buffer>();
    for (const path of added) add.set(keyOf(path), path);
    if (this.#stale.size > 0) {
      for (const [key, path] of this.#watched) if (this.#isBeneathStale(key)) add.set(key, path);
      this.#stale.clear();
    }
    for (const [key, path] of add) this.#watched.set(key, path);
    return { add: [...add.values()], remove };
  }

  /** As `change`, towards exactly these directories. */
  become(directories: Iterable<Buffer>): { add: Buffer[]; remove: Buffer[] } {
    const wished = new Map<string, Buffer>();
    for (const path of directories) wished.set(keyOf(path), path);
    const removed = [...this.#watched].filter(([key]) => !wished.has(key)).map(([, path]) => path);
    const added = [...wished].filter(([key]) => !this.#watched.has(key)).map(([, path]) => path);
    return this.change(added, removed);
  }

  /** That directory cannot be watched: a later `become` tries again. */
  forget(directory: Buffer): void {
    this.#watched.delete(keyOf(directory));
  }

  clear(): void {
    this.#watched.clear();
    this.#stale.clear();
  }

  #isBeneathStale(key: string): boolean {
    if (this.#stale.has("/") || this.#stale.has(key)) return true;
    for (let slash = key.lastIndexOf("/"); slash > 0; slash = key.lastIndexOf("/", slash - 1)) {
      if (this.#stale.has(key.slice(0, slash))) return true;
    }
    return false;
  }
}
