/** Where a build keeps what the next one builds upon: made private, refused where others could write to it. */

import { existsSync, lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { outputKey } from "../publish/output-key.js";

export interface StateDirectory {
  /** Without symlinks. Holds the lock, states and spares. Of one output, unless the caller named it. */
  readonly path: Buffer;
  /** The state of the output. */
  readonly state: Buffer;
  /** Of the content-addressed store, which outputs share; need not exist. */
  readonly store: Buffer;
}

export interface StateDirectoryOptions {
  /** Absolute host path of the library. */
  readonly output: Buffer;
  /** Absolute host path. Default: one of its own for each output, in the cache directory. */
  readonly directory?: Buffer;
  /** For XDG_CACHE_HOME and HOME. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Makes what is missing. Errors: `state-unusable` (detail: `owner`, `writable`, or an errno name). */
export function openStateDirectory({ output, directory, env }: StateDirectoryOptions): Result<StateDirectory> {
  const key = outputKey(output);
  const base = openPrivate(directory ?? cacheDirectory(env));
  if (!base.ok) return base;
  const own = directory === undefined ? openPrivate(join(base.value, "outputs", key)) : base;
  if (!own.ok) return own;
  return ok({ path: own.value, state: join(own.value, `${key}.state`), store: join(base.value, "store") });
}

/** What `cache` works on; nothing is made. Errors: `state-unusable` where a directory that is named does not exist. */
export function findStore({
  directory,
  env,
}: Omit<StateDirectoryOptions, "output">): Result<{ base: Buffer; store: Buffer }> {
  const base = directory ?? cacheDirectory(env);
  if (directory !== undefined && !existsSync(directory)) {
    return fail("state-unusable", { path: directory, detail: "ENOENT" });
  }
  return ok({ base, store: join(base, "store") });
}

/** As the XDG base directory specification has it: a relative XDG_CACHE_HOME is ignored. */
function cacheDirectory(env: StateDirectoryOptions["env"]): Buffer {
  const cache = env["XDG_CACHE_HOME"];
  if (cache?.startsWith("/") === true) return join(Buffer.from(cache), "binaryfs");
  const home = env["HOME"];
  if (home?.startsWith("/") === true) return join(Buffer.from(home), ".cache", "binaryfs");
  return join(Buffer.from(tmpdir()), `binaryfs-${process.geteuid?.()}`);
}

const join = (directory: Buffer, ...names: string[]): Buffer =>
  Buffer.concat([directory, ...names.map((name) => Buffer.from(`/${name}`))]);

const GROUP_OR_WORLD_WRITABLE = 0o022;
const STICKY = 0o1000;

function openPrivate(path: Buffer): Result<Buffer> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const real = realpathSync.native(path, "buffer");
    const stats = statSync(real);
    // A link of somebody else's could lead to any directory of ours.
    if ([stats, lstatSync(path)].some(({ uid }) => uid !== process.geteuid?.())) {
      return fail("state-unusable", { path, detail: "owner" });
    }
    if ((stats.mode & GROUP_OR_WORLD_WRITABLE) !== 0 && (stats.mode & STICKY) === 0) {
      return fail("state-unusable", { path, detail: "writable" });
    }
    return ok(real);
  } catch (cause) {
    return fail("state-unusable", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
}
