/** What an action is asked for: the words of its parameter file, read and checked. Written by rules/bazel/private. */

import { fail, ok, type Result } from "../errors.js";
import type { LayoutName } from "../model.js";
import type { DeclaredVolume } from "../select/declarations.js";
import { componentsOf, toBytes } from "../select/paths.js";
import type { Rule } from "../select/rules.js";
import type { ShardFileKind } from "../shard/write-shard.js";

/** Paths of this machine are as Bazel names them: relative to the directory in which the action runs. Texts are latin1. */
export interface RequestedFile {
  /** Guest path, absolute and normalized. */
  readonly path: string;
  readonly host: string;
  readonly kind: ShardFileKind;
}

interface Spec {
  readonly rules: readonly Rule[];
  /** Symlinks: guest path → body. */
  readonly links: ReadonlyMap<string, string>;
}

export interface ShardRequest extends Spec {
  readonly action: "shard";
  readonly output: string;
  readonly files: readonly RequestedFile[];
}

export interface LinkRequest extends Spec {
  readonly action: "link";
  readonly output: string;
  /** Where the list of contents goes, and the library digest. */
  readonly contents: string;
  readonly digest: string;
  readonly shards: readonly string[];
  /** Guest path → permission bits. */
  readonly directories: ReadonlyMap<string, number>;
  readonly fileMode: number;
  readonly directoryMode: number;
  readonly modes: readonly { readonly pattern: string; readonly mode: number }[];
  readonly hostPaths: readonly Buffer[];
  readonly volumes: readonly DeclaredVolume[];
  readonly sealed: boolean;
  readonly strict: boolean;
  readonly allowSecrets: readonly Buffer[];
  readonly mtimeSeconds: number;
  readonly layout: LayoutName;
}

export type Request = ShardRequest | LinkRequest;

/**
 * The first word is the action; then `--NAME=VALUE`, and for files:
 * `fGUEST hHOST` a file, `lGUEST hHOST` a symlink that stays one, `eGUEST` an empty file, `tGUEST dDIRECTORY [sINNER] [cCHILD…]` a directory with the files in it, of
 * which INNER is taken off the front; `sPATH` a shard after `link`.
 *
 * Errors: `usage`, `prefix-mismatch`
 */
export function parseRequest(words: readonly string[]): Result<Request> {
  try {
    return parse(words);
  } catch (cause) {
    // A specification of another shape, which no rule of ours writes.
    return fail("usage", { detail: "--spec is malformed", cause });
  }
}

function parse(words: readonly string[]): Result<Request> {
  const [action, ...rest] = words;
  if (action !== "shard" && action !== "link") return usage(`no action: ${action ?? ""}`);
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (const word of rest) {
    const option = /^--([a-z-]+)=(.*)$/s.exec(word);
    if (option === null) operands.push(word);
    else options.set(option[1] as string, option[2] as string);
  }
  const output = options.get("output");
  const spec = parseSpec(options.get("spec"));
  if (output === undefined || spec === undefined) return usage("--output or --spec is missing or malformed");
  const rules = (spec.rules ?? []).map(([kind, pattern]) => ({ kind, pattern: toBytes(pattern) }));
  const links = guestMap(spec.symlinks ?? {});
  if (!links.ok) return links;
  const common = { output, rules, links: links.value };
  if (action === "shard") {
    const files = parseFiles(operands);
    return files.ok ? ok({ ...common, action, files: files.value }) : files;
  }
  const contents = options.get("contents");
  const digest = options.get("digest");
  if (contents === undefined || digest === undefined) return usage("--contents or --digest is missing");
  const directories = guestMap(spec.directories ?? {});
  if (!directories.ok) return directories;
  return ok({
    ...common,
    action,
    contents,
    digest,
    shards: operands.map((word) => word.slice(1)),
    directories: directories.value,
    fileMode: spec.fileMode ?? 0o755,
    directoryMode: spec.directoryMode ?? 0o755,
    modes: (spec.modes ?? []).map(([pattern, mode]) => ({ pattern, mode })),
    hostPaths: (spec.hostPaths ?? []).map(toBytes),
    volumes: (spec.volumes ?? []).map(([guest, host]) => ({
      guest: toBytes(guest),
      ...(host !== null && { host: toBytes(host) }),
    })),
    sealed: spec.sealed ?? false,
    strict: spec.strict ?? false,
    allowSecrets: (spec.allowSecrets ?? []).map(toBytes),
    mtimeSeconds: spec.mtime ?? 0,
    layout: spec.layout ?? "stable",
  });
}

/** As rules/bazel/private/binary_fs.bzl encodes it; texts hold bytes, a character each. */
interface SpecJson {
  readonly rules?: readonly (readonly ["include" | "exclude", string])[];
  readonly symlinks?: Readonly<Record<string, string>>;
  readonly directories?: Readonly<Record<string, number>>;
  readonly fileMode?: number;
  readonly directoryMode?: number;
  readonly modes?: readonly (readonly [string, number])[];
  readonly hostPaths?: readonly string[];
  readonly volumes?: readonly (readonly [string, string | null])[];
  readonly sealed?: boolean;
  readonly strict?: boolean;
  readonly allowSecrets?: readonly string[];
  readonly mtime?: number;
  readonly layout?: LayoutName;
}

function parseSpec(text: string | undefined): SpecJson | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as SpecJson;
  } catch {
    return undefined;
  }
}

function guestMap<T>(entries: Readonly<Record<string, T>>): Result<Map<string, T>> {
  const map = new Map<string, T>();
  for (const [path, value] of Object.entries(entries)) {
    const guest = guestPath(path);
    if (!guest.ok) return guest;
    map.set(guest.value, value);
  }
  return ok(map);
}

function parseFiles(words: readonly string[]): Result<RequestedFile[]> {
  const files: RequestedFile[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at++] as string;
    const guest = guestPath(word.slice(1));
    if (!guest.ok) return guest;
    if (word[0] === "e") {
      files.push({ path: guest.value, host: "", kind: "empty" });
      continue;
    }
    if (word[0] === "f" || word[0] === "l") {
      const host = words[at++]?.slice(1);
      if (host === undefined) return usage("a file without its place");
      files.push({ path: guest.value, host, kind: word[0] === "l" ? "link" : "file" });
      continue;
    }
    const directory = words[at++]?.slice(1);
    if (word[0] !== "t" || directory === undefined) return usage(`an operand that means nothing: ${word}`);
    const inner = words[at]?.[0] === "s" ? `${words[at++]?.slice(1)}/` : "";
    for (; words[at]?.[0] === "c"; at++) {
      const host = words[at]?.slice(1) as string;
      const beneath = host.slice(directory.length + 1);
      if (!host.startsWith(`${directory}/`) || !beneath.startsWith(inner))
        return fail("prefix-mismatch", { path: toBytes(host), detail: inner });
      const path = guestPath(`${guest.value}/${beneath.slice(inner.length)}`);
      if (!path.ok) return path;
      files.push({ path: path.value, host, kind: "file" });
    }
  }
  return ok(files);
}

/** Absolute and normalized. Errors: `usage` */
function guestPath(path: string): Result<string> {
  const components = componentsOf(path);
  if (components.includes("..") || path.includes("\0")) return usage(`no path in an image: ${path}`);
  return ok(`/${components.join("/")}`);
}

const usage = (detail: string) => fail("usage", { detail });
