/** Selection over names that a build system gives, where there is no ROOT to scan: the same rules, checks and warnings, and the same table. */

import { fail, ok, type Result } from "../errors.js";
import { ROW, STAT, STAT_WORDS, type Tree } from "../model.js";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../tree/row.js";
import { conclude } from "./conclude.js";
import type { SelectionContext } from "./context.js";
import { type DeclarationOptions, declare } from "./declarations.js";
import { type LinkContext, resolveLink } from "./links.js";
import { asText, isWithin, joinPath, type PathLike, parentOf, toBytes } from "./paths.js";
import { NO_RULE, type Rule, RuleSet } from "./rules.js";
import { settleDirectories } from "./settle.js";
import { TableBuilder } from "./table-builder.js";

export interface GivenName {
  /** Guest path, absolute and normalized, as latin1 text. */
  readonly path: string;
  readonly type: "file" | "symlink" | "directory";
  /** Permission bits, 0–0o7777. */
  readonly mode: number;
  /** Of a file, 0–2⁵³; ignored elsewhere. */
  readonly sizeBytes: number;
  /** Of a symlink, latin1 text. */
  readonly body?: string;
}

export interface GivenOptions extends DeclarationOptions {
  /** As in `SelectOptions`. */
  readonly rules?: readonly Rule[];
  readonly strict?: boolean;
  readonly secrets?: "error" | "warn";
  readonly allowSecrets?: readonly PathLike[];
  /** Links that patterns may lead through. Default: all names that are links. */
  readonly links?: GivenLinks;
  /** Of every node, in whole seconds since 1970, 0 … 2³² − 1. */
  readonly mtimeSeconds: number;
  /** Permission bits of directories that are there only for what lies in them. */
  readonly directoryMode: number;
}

/** Sorts as tables are: component by component, by bytes. */
export const pathKey = (path: string): string => path.replaceAll("/", "\0");

/** The links among given names, by guest path, with their bodies: what patterns may lead through. */
export type GivenLinks = ReadonlyMap<string, string>;

/** Patterns over given names. Errors: `include-outside-root`, `usage` */
export function givenRules(rules: readonly Rule[], links: GivenLinks): Result<RuleSet> {
  const context = linkContext(() => false);
  return RuleSet.create(rules, {
    linkAt: (guest) => {
      const body = links.get(guest);
      return body === undefined ? undefined : resolveLink(parentOf(guest), body, context);
    },
  });
}

/** Names are those of the image already: no body is rewritten. */
const linkContext = (exists: LinkContext["exists"]): LinkContext => ({ roots: ["/"], preserve: true, exists });

/** A selection's decision on paths that are asked for in the order of `pathKey`. */
export class GivenDecision {
  readonly #rules: RuleSet;
  /** Of the last path's directories, from the first component on: their paths and matches. */
  #open: { readonly path: string; readonly match: number }[] = [];

  constructor(rules: RuleSet) {
    this.#rules = rules;
  }

  /** The last rule that matches the path of a file or link. */
  matchOf(path: string): number {
    if (this.#rules.isEmpty) return NO_RULE;
    return this.#rules.lastMatch(path, this.#matchOfDirectory(parentOf(path)));
  }

  selects(path: string): boolean {
    return this.#rules.selects(this.matchOf(path));
  }

  #matchOfDirectory(path: string): number {
    if (path === "/") return NO_RULE;
    const depth = path.split("/").length - 2;
    const known = this.#open[depth];
    if (known?.path === path) return known.match;
    const match = this.#rules.lastMatch(path, this.#matchOfDirectory(parentOf(path)));
    this.#open = [...this.#open.slice(0, depth), { path, match }];
    return match;
  }
}

export interface GivenTree {
  readonly tree: Tree;
  /** Row of each name, in the order given. */
  readonly rows: Uint32Array;
}

/**
 * @param names in the order of `pathKey`; directories above them need not be named
 * Errors: `path-conflict` (two names for one path, or a name beneath a file), and those of `select` that are about rules, declarations and names
 */
export function selectGiven(names: readonly GivenName[], options: GivenOptions): Result<GivenTree> {
  const declarations = declare(options);
  if (!declarations.ok) return declarations;
  const links = options.links ?? linksAmong(names);
  const rules = givenRules(options.rules ?? [], links);
  if (!rules.ok) return rules;
  const rows = new GivenRows(names.length, rules.value, options);
  for (const name of names) {
    const added = rows.add(name);
    if (!added.ok) return added;
  }
  const table = rows.finish();
  if (!rules.value.isEmpty) settleDirectories(table, rules.value);
  const { hostPaths, volumes } = declarations.value;
  const doors = [...hostPaths, ...volumes.map(({ guest }) => guest)].map((path) => path.toString("latin1"));
  const known = new Set(names.map(({ path }) => path));
  const context: SelectionContext = {
    options: { ...options, root: "/", mtime: { kind: "keep" }, owner: "root" },
    root: { host: "", named: "/" },
    declarations: declarations.value,
    rules: rules.value,
    isIgnored: () => false,
    decides: !rules.value.isEmpty,
    ownOutputIn: () => undefined,
    links: linkContext((guest) => known.has(guest)),
    doors,
    provided: ["/proc", "/dev", "/sys", ...doors],
    key: "",
  };
  const tree = conclude(context, {
    table,
    warnings: [],
    keptXattrs: new Map(),
    keptXattrWarnings: [],
    keptSecrets: [],
  });
  return tree.ok ? ok({ tree: tree.value, rows: rows.rows }) : tree;
}

const linksAmong = (names: readonly GivenName[]): GivenLinks =>
  new Map(names.flatMap(({ path, body }) => (body === undefined ? [] : [[path, body] as const])));

interface OpenDirectory {
  readonly path: string;
  readonly match: number;
}

/** Appends names and the directories above them. */
class GivenRows {
  readonly rows: Uint32Array;
  readonly #builder = new TableBuilder();
  readonly #rules: RuleSet;
  readonly #options: GivenOptions;
  readonly #stats = new Uint32Array(STAT_WORDS);
  /** From ROOT to the directory that holds the last name. */
  readonly #open: OpenDirectory[] = [{ path: "/", match: NO_RULE }];
  #added = 0;
  #room = 0;
  #last = "";

  constructor(count: number, rules: RuleSet, options: GivenOptions) {
    this.rows = new Uint32Array(count);
    this.#rules = rules;
    this.#options = options;
    this.#grow(count + 1 + (count >> 2));
    this.#append("", 0, S_IFDIR | options.directoryMode, 0, NO_RULE);
  }

  add({ path, type, mode, sizeBytes, body }: GivenName): Result<void> {
    if (path === "/") return type === "directory" ? ok(undefined) : conflict(path, "/");
    // A file is never on the way down: what lies beneath one finds it as the last name.
    if (path === this.#last) return conflict(path, path);
    if (this.#last !== "" && path.startsWith(`${this.#last}/`) && !this.#isOpen(this.#last))
      return conflict(path, this.#last);
    const directory = parentOf(path);
    this.#enter(directory);
    const match = this.#match(path);
    const name = path.slice(directory === "/" ? 1 : directory.length + 1);
    const format = type === "directory" ? S_IFDIR : type === "symlink" ? S_IFLNK : S_IFREG;
    const size = type === "file" ? sizeBytes : (body?.length ?? 0);
    const row = this.#append(name, this.#open.length, format | mode, size, match);
    if (body !== undefined && this.#rules.selects(match)) this.#builder.setBody(row, body);
    if (type === "directory") this.#open.push({ path, match });
    this.#last = path;
    this.rows[this.#added++] = row;
    return ok(undefined);
  }

  finish() {
    return this.#builder.finish(new Map());
  }

  #isOpen(path: string): boolean {
    return this.#open.some((directory) => directory.path === path);
  }

  /** Closes directories that are done, and opens those on the way. */
  #enter(directory: string): void {
    while (!isWithin(directory, (this.#open.at(-1) as OpenDirectory).path)) this.#open.pop();
    for (;;) {
      const { path } = this.#open.at(-1) as OpenDirectory;
      if (path === directory) return;
      const start = path === "/" ? 1 : path.length + 1;
      const slash = directory.indexOf("/", start);
      const name = directory.slice(start, slash < 0 ? undefined : slash);
      const next = joinPath(path, name);
      const match = this.#match(next);
      this.#append(name, this.#open.length, S_IFDIR | this.#options.directoryMode, 0, match);
      this.#open.push({ path: next, match });
    }
  }

  /** How many directories there are is seen on the way. */
  #grow(rows: number): void {
    this.#builder.reserve(rows, 16 * rows);
    this.#room = this.#builder.count + rows;
  }

  #match(path: string): number {
    if (this.#rules.isEmpty) return NO_RULE;
    return this.#rules.lastMatch(path, (this.#open.at(-1) as OpenDirectory).match);
  }

  #append(name: string, depth: number, mode: number, sizeBytes: number, match: number): number {
    const stats = this.#stats.fill(0);
    stats[STAT.mode] = mode;
    stats[STAT.nlink] = 1;
    stats[STAT.size] = sizeBytes % 2 ** 32;
    stats[STAT.size + 1] = Math.floor(sizeBytes / 2 ** 32);
    stats[STAT.mtime] = this.#options.mtimeSeconds;
    const bytes = toBytes(name);
    if (this.#builder.count === this.#room) this.#grow(1 + (this.#room >> 2));
    const row = this.#builder.append(depth, bytes, 0, bytes.length, stats, 0);
    this.#builder.setMatch(row, match);
    this.#builder.setFlags(row, this.#rules.selects(match) ? ROW.selected : 0);
    return row;
  }
}

const conflict = (path: string, other: string) =>
  fail("path-conflict", { path: toBytes(path), ...(other !== path && { detail: asText(other) }) });
