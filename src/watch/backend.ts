/** Which backend watches a tree (docs/adr/0009-watch-backends.md). */

import { ChokidarWatcher } from "./chokidar-watcher.js";
import { DirectoryWatcher } from "./directory-watcher.js";
import type { BackendName, Watcher, WatchListener } from "./watcher.js";

/** chokidar reads each directory at the start, and again after events in it: above these its start and its memory show. */
export const CHOKIDAR_DIRECTORIES = 500;
export const CHOKIDAR_FILES = 5000;

export const backendFor = (directories: number, files: number): BackendName =>
  directories <= CHOKIDAR_DIRECTORIES && files <= CHOKIDAR_FILES ? "chokidar" : "directories";

export type WatcherFactory = (backend: BackendName, listener: WatchListener) => Watcher;

export const makeWatcher: WatcherFactory = (backend, listener) =>
  backend === "chokidar" ? new ChokidarWatcher(listener) : new DirectoryWatcher(listener);

/** The setting of the kernel that an error of inotify speaks of (inotify(7)). */
export function settingOf(code: string): string | undefined {
  if (code === "ENOSPC") return "fs.inotify.max_user_watches";
  return code === "EMFILE" ? "fs.inotify.max_user_instances" : undefined;
}
