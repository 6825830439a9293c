/** What every backend of watching is: directories in, hints out. */

/** A directory to watch: where the image has it and where it is. */
export interface Place {
  readonly guest: Buffer;
  readonly host: Buffer;
}

export interface WatchListener {
  /**
   * Something happened to a name in a watched directory.
   * @param name absent where the system does not say it, or not exactly
   * @param isRename the name came, went or became something else
   */
  onName(directory: Buffer, name: Buffer | undefined, isRename: boolean): void;
  onFailure(failure: WatchFailure): void;
}

/** `limit`: the system gives no more watches. `gone`: there is no such directory any more. `other`: this directory cannot be watched. */
export interface WatchFailure {
  readonly kind: "limit" | "gone" | "other";
  /** Guest path, where it is about one directory. */
  readonly directory?: Buffer;
  /** Of errno. */
  readonly code: string;
}

export type BackendName = "chokidar" | "directories";

export interface Watcher {
  readonly backend: BackendName;
  /** Watches these; one that is watched already is watched anew, since another directory may have taken its path. Resolves when events come. */
  add(places: readonly Place[]): Promise<void>;
  /** @param directories guest paths */
  remove(directories: readonly Buffer[]): void;
  close(): Promise<void>;
}

/** A path as a key: one character a byte. */
export const keyOf = (path: Buffer): string => path.toString("latin1");

const LIMITS: readonly string[] = ["ENOSPC", "EMFILE", "ENFILE", "ENOMEM"];
const GONE: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];

export function failureOf(error: unknown, directory?: Buffer): WatchFailure {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const kind = LIMITS.includes(code) ? "limit" : GONE.includes(code) ? "gone" : "other";
  return { kind, code, ...(directory !== undefined && { directory }) };
}
