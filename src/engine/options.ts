/** What a build is asked for and what it reports. */

import type { LayoutName, Warning } from "../model.js";
import { parseRemoteUrl } from "../remote/url.js";
import { joinPath, normalize, type PathLike, toBytes, toLatin1 } from "../select/paths.js";
import type { SelectOptions } from "../select/select.js";
import { workingDirectory } from "../select/working-directory.js";
import type { Stage } from "./stage-timer.js";

export interface Progress {
  readonly stage: Stage;
  readonly done: number;
  /** 0 while it is unknown. */
  readonly total: number;
  readonly unit: "files" | "bytes";
}

/** A process that holds the state which this one waits for. */
export interface Holder {
  readonly pid: number;
  /** Its command line, as far as it is known. */
  readonly command: string;
}

/** A server that speaks Bazel's HTTP cache protocol. Credentials: docs/cli.md, "Remote cache". */
export interface RemoteCacheOptions {
  /** http or https. */
  readonly url: string;
  /** Nothing is stored there. Default: false. */
  readonly readOnly?: boolean;
  /** Budget of each request, milliseconds, 1 … 10⁹; the first that exceeds it ends the use of the cache. Default: 10,000. */
  readonly timeoutMs?: number;
}

export interface BuildOptions extends Omit<SelectOptions, "outputs" | "onProgress"> {
  /** `build`, `watch`: the library. `pack`: the directory of the three artefacts, or a file that ends in `.c`. */
  readonly output: PathLike;
  /** Default: stable, whose edits stay local; for `pack` compact, which is dense. */
  readonly layout?: LayoutName;
  /** Guest paths before which the stable layout begins a new pack, whatever the sizes: bounds of shards that are declared before sizes are known. */
  readonly cuts?: readonly PathLike[];
  /** Default: native, which needs no compiler. */
  readonly linker?: "native" | "gcc";
  /** Compiler command of the gcc linker. Default: `gcc`. */
  readonly cc?: string;
  /** Seconds since the epoch (0 … 2⁵³ − 1) for the superblock: SOURCE_DATE_EPOCH. Default: 0. */
  readonly buildTime?: number;
  /**
   * Directory that keeps what a later build need not do again; false for none. Default: a directory for each output in `$XDG_CACHE_HOME/binaryfs`.
   * The bytes never depend on it. `pack` keeps nothing.
   */
  readonly state?: PathLike | false;
  /** Called once for each process that holds the state directory while this one waits for it. */
  readonly onWait?: (holder: Holder) => void;
  /**
   * Where libraries are looked for before they are made from nothing, and stored once they are made. The bytes never depend on it. Not for `pack`, nor with
   * the gcc linker; `watch` looks there and stores nothing.
   */
  readonly remoteCache?: RemoteCacheOptions;
  /** Threads that read, hash and write. The bytes never depend on it. */
  readonly threads?: number;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** How the new library came to hold what did not change: nothing published, written from nothing, a reflink, the file before the last one, a copy, fetched from a remote cache. */
export type PublishMethod = "none" | "new" | "clone" | "spare" | "copy" | "remote";

export interface RemoteReport {
  /**
   * `hit`: the library came from there. `miss`: it has none. `rejected`: what it has is not the library. `off`: it did not answer, or refused.
   * `unasked`: the library was made of the last one, or is up to date.
   */
  readonly outcome: "hit" | "miss" | "rejected" | "off" | "unasked";
  /** Bodies of responses and of requests. */
  readonly downloadedBytes: number;
  readonly uploadedBytes: number;
}

export interface BuildReport {
  readonly output: Buffer;
  /** Library digest, 64 hex digits (docs/format.md section 3); artefacts are no library yet and have none. */
  readonly digest?: string;
  /** 32 bytes (docs/format.md 1.3). */
  readonly merkleRoot: Buffer;
  /** Names in the image that are no directories. */
  readonly files: number;
  readonly imageBytes: number;
  /** Nothing had changed: the output was left as it is. */
  readonly upToDate: boolean;
  /** Bytes of the image that were written, in whole blocks. */
  readonly emittedBytes: number;
  readonly segmentsEmitted: number;
  readonly segmentsTotal: number;
  /** Bytes of content that were read from source files and serialized. */
  readonly sourceBytes: number;
  /** Packs and chunks whose content came from the store instead. */
  readonly storeHits: number;
  readonly method: PublishMethod;
  /** Where `remoteCache` was given. */
  readonly remote?: RemoteReport;
  readonly durationMs: number;
  /** Milliseconds a stage. */
  readonly stages: Readonly<Partial<Record<Stage, number>>>;
  readonly warnings: readonly Warning[];
}

/** Host path from the current directory. A trailing slash is no name. */
export function absolute(path: PathLike): Buffer {
  const text = toLatin1(path);
  return toBytes(normalize(text.startsWith("/") ? text : joinPath(workingDirectory(), text)).path);
}

const isPath = (value: unknown): boolean => typeof value === "string" || value instanceof Uint8Array;

/** What a caller without types may have wrong; the rest is checked where it is used. @returns what, or undefined */
export function mistakeIn({ root, output, layout, linker, rules, remoteCache }: BuildOptions): string | undefined {
  if (!isPath(root)) return "root is no path";
  if (!isPath(output)) return "output is no path";
  if (layout !== undefined && layout !== "stable" && layout !== "compact") return `layout ${String(layout)}`;
  if (linker !== undefined && linker !== "native" && linker !== "gcc") return `linker ${String(linker)}`;
  const isRule = ({ kind, pattern }: { kind?: unknown; pattern?: unknown }): boolean =>
    (kind === "include" || kind === "exclude") && isPath(pattern);
  if (rules?.every(isRule) === false) return "a rule is no { kind, pattern }";
  return remoteCache === undefined ? undefined : remoteMistake(remoteCache, linker);
}

const MOST_TIMEOUT_MS = 1e9;

/** The URL is not repeated: it may hold a password. */
function remoteMistake({ url, timeoutMs = 1 }: RemoteCacheOptions, linker: BuildOptions["linker"]): string | undefined {
  if (linker === "gcc") return "a remote cache holds libraries of the native linker alone";
  if (typeof url !== "string" || parseRemoteUrl(url) === undefined)
    return "the URL of the remote cache is no http(s) URL";
  return timeoutMs >= 1 && timeoutMs <= MOST_TIMEOUT_MS ? undefined : `timeoutMs ${String(timeoutMs)}`;
}
