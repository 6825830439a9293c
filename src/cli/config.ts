/** The configuration file, turned into the same options as the command line has. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail, ok, type Result } from "../errors.js";
import type { ParsedOption } from "./parse-options.js";

/** What a configuration file exports. Paths other than patterns are relative to the file's directory. */
export interface BinaryfsConfig {
  readonly root?: string;
  readonly output?: string;
  /** Ordered, last match wins. */
  readonly rules?: readonly ({ readonly include: string } | { readonly exclude: string })[];
  readonly ignoreFiles?: readonly string[];
  readonly hostPaths?: readonly string[];
  /** GUEST or GUEST=HOST. */
  readonly volumes?: readonly string[];
  readonly preserveSymbolicLinks?: boolean;
  readonly strict?: boolean;
  readonly specials?: "skip" | "keep";
  readonly xattrs?: readonly string[];
  readonly allowSecrets?: readonly string[];
  /** Seconds since the epoch, or a word. */
  readonly mtime?: "keep" | "clamp" | number;
  readonly owner?: "keep" | "root";
  readonly sealed?: boolean;
  readonly layout?: "compact" | "stable";
  /** Directory, or false for none. */
  readonly state?: string | false;
  readonly linker?: "native" | "gcc";
  readonly cc?: string;
  /** URL. */
  readonly remoteCache?: string;
  readonly remoteCacheReadOnly?: boolean;
  /** Seconds. */
  readonly remoteTimeout?: number;
}

export interface LoadedConfig {
  readonly root: string | undefined;
  readonly output: string | undefined;
  readonly options: readonly ParsedOption[];
}

const NAMES = ["binaryfs.config.ts", "binaryfs.config.js", "binaryfs.config.json"];
const EMPTY: LoadedConfig = { root: undefined, output: undefined, options: [] };

/** @param named from `--config`; without it the working directory is looked through, and no file is an empty configuration */
export async function loadConfig(named: string | undefined): Promise<Result<LoadedConfig>> {
  const found = named ?? NAMES.find((name) => existsSync(name));
  if (found === undefined) return ok(EMPTY);
  const path = resolve(found);
  const bytes = Buffer.from(path);
  let value: unknown;
  try {
    value = path.endsWith(".json") ? JSON.parse(await readFile(path, "utf8")) : await importModule(path);
  } catch (cause) {
    return fail("bad-config", { path: bytes, detail: cause instanceof Error ? cause.message : String(cause), cause });
  }
  const loaded = readConfig(value, dirname(path));
  return loaded.ok ? loaded : fail("bad-config", { path: bytes, detail: loaded.error.detail ?? "" });
}

/**
 * The loader of TypeScript is itself loaded only where there is a file to load: most commands start without one. What it compiled it would keep in a directory of
 * everybody's, where somebody else may have put something under the same name.
 */
async function importModule(path: string): Promise<unknown> {
  const { createJiti } = await import("jiti");
  return createJiti(pathToFileURL(path).href, { fsCache: false }).import(path, { default: true });
}

type Reader = (value: unknown, directory: string) => string[] | undefined;
type Key = Exclude<keyof BinaryfsConfig, "root" | "output" | "rules" | "state">;

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const text: Reader = (value) => (isText(value) ? [value] : undefined);
const texts: Reader = (value) => (Array.isArray(value) && value.every(isText) ? value : undefined);
const flag: Reader = (value) => (value === true ? [""] : value === false ? [] : undefined);
const textOrNumber: Reader = (value) => (typeof value === "number" ? [String(value)] : text(value, ""));
const located: Reader = (value, directory) => texts(value, directory)?.map((path) => resolve(directory, path));

/** Key → option and how its value is read. */
const KEYS: Readonly<Record<Key, readonly [string, Reader]>> = {
  ignoreFiles: ["ignore-file", located],
  hostPaths: ["host-path", texts],
  volumes: ["volume", texts],
  preserveSymbolicLinks: ["preserve-symbolic-links", flag],
  strict: ["strict", flag],
  specials: ["specials", text],
  xattrs: ["xattrs", texts],
  allowSecrets: ["allow-secrets", texts],
  mtime: ["mtime", textOrNumber],
  owner: ["owner", text],
  sealed: ["sealed", flag],
  layout: ["layout", text],
  linker: ["linker", text],
  cc: ["cc", text],
  remoteCache: ["remote-cache", text],
  remoteCacheReadOnly: ["remote-cache-read-only", flag],
  remoteTimeout: ["remote-timeout", textOrNumber],
};

/** @param directory that relative paths start from */
export function readConfig(value: unknown, directory: string): Result<LoadedConfig> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return fail("bad-config", { detail: "not an object" });
  const options: ParsedOption[] = [];
  const places: { root?: string; output?: string } = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "root" || key === "output") {
      if (!isText(item)) return fail("bad-config", { detail: `${key} is no string, or an empty one` });
      places[key] = Buffer.from(resolve(directory, item)).toString("latin1");
      continue;
    }
    const read = key === "rules" ? readRules(item) : readKey(key, item, directory);
    if (read === undefined)
      return fail("bad-config", {
        detail:
          Object.hasOwn(KEYS, key) || key === "rules" || key === "state"
            ? `wrong value of ${key}`
            : `unknown key ${key}`,
      });
    options.push(...read.map((option) => ({ ...option, value: Buffer.from(option.value).toString("latin1") })));
  }
  return ok({ root: places.root, output: places.output, options });
}

function readKey(key: string, item: unknown, directory: string): ParsedOption[] | undefined {
  if (key === "state" && item === false) return [{ name: "no-state", value: "" }];
  if (key === "state") return isText(item) ? [{ name: "state", value: resolve(directory, item) }] : undefined;
  const [name, reader] = Object.hasOwn(KEYS, key) ? KEYS[key as Key] : [];
  if (name === undefined || reader === undefined) return undefined;
  return reader(item, directory)?.map((value) => ({ name, value }));
}

function readRules(item: unknown): ParsedOption[] | undefined {
  if (!Array.isArray(item)) return undefined;
  const options: ParsedOption[] = [];
  for (const rule of item as unknown[]) {
    const [entry, ...more] = typeof rule === "object" && rule !== null ? Object.entries(rule) : [];
    if (entry === undefined || more.length > 0) return undefined;
    const [name, value] = entry;
    if ((name !== "include" && name !== "exclude") || !isText(value)) return undefined;
    options.push({ name, value });
  }
  return options;
}
