/** Updates against clean selections: after random edits of random trees both say the same, and origins name the same rows. */

import {
  chmodSync,
  type Dirent,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Result } from "../../src/errors.js";
import { NO_ROW, type NodeTable, ROW, STAT_WORDS, type Tree } from "../../src/model.js";
import { type Hints, type SelectOptions, Selector, select, type TreeUpdate } from "../../src/select/select.js";
import { deltaBetween, type TableDelta } from "../../src/tree/delta.js";
import { originBetween } from "../../src/tree/origin.js";
import { guestPath } from "../../src/tree/paths.js";
import { bodyOf } from "../../src/tree/row.js";

let base: string;
let root: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-update-")));
  root = join(base, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Everything but racy flags and unused bytes. @param all rows that are not selected too */
function contents({ table, ...tree }: Tree, all: boolean) {
  const rows: unknown[] = [];
  for (let row = 0; row < table.count; row++) {
    const flags = (table.flags[row] as number) & ~ROW.racy;
    if (!all && (flags & ROW.selected) === 0) continue;
    rows.push({
      path: guestPath(table, row).toString("latin1"),
      depth: table.depth[row],
      parent: guestPath(table, table.parent[row] as number).toString("latin1"),
      size: all ? (table.end[row] as number) - row : 0,
      hash: table.nameHash[row],
      body: bodyOf(table, row).toString("latin1"),
      flags,
      match: table.match[row],
      stats: [...table.stats.subarray(row * STAT_WORDS, (row + 1) * STAT_WORDS)].join(),
      xattrs: table.xattrs.get(row),
    });
  }
  const warnings = tree.warnings.map(({ code, path, detail }) => `${code} ${path?.toString("latin1")} ${detail}`);
  return { rows, ...tree, warnings };
}

const NAMES = ["a", "b", "c", "d.py", "d.pyc", "lib.so.1", ".env", "\xff", "ab"];

interface Edit {
  readonly kind: number;
  readonly at: number;
  readonly to: number;
  readonly name: number;
}
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.nat(11),
  at: fc.nat(),
  to: fc.nat(),
  name: fc.nat(NAMES.length - 1),
});

const host = (path: string): Buffer => Buffer.from(root + path, "latin1");

function listing(): { files: string[]; directories: string[] } {
  const files: string[] = [];
  const directories = [""];
  for (const directory of directories) {
    const entries = readdirSync(host(directory), { withFileTypes: true, encoding: "latin1" as "utf8" }) as Dirent[];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      (entry.isDirectory() ? directories : files).push(`${directory}/${entry.name}`);
    }
  }
  return { files, directories };
}

/** Directories that hold names of files with several. */
const otherNames = (): string[] =>
  listing()
    .files.filter((path) => lstatSync(host(path)).nlink > 1)
    .map((path) => path.slice(0, path.lastIndexOf("/")));

/** Does one edit, if it can be done; returns guest paths of the directories in which names changed or whose names' attributes did. */
function apply({ kind, at, to, name }: Edit): string[] {
  const { files, directories } = listing();
  const all = [...files, ...directories.slice(1)];
  const pick = (from: readonly string[], number: number): string | undefined => from[number % from.length];
  const directory = pick(directories, to) as string;
  const fresh = `${directory}/${NAMES[name]}`;
  const some = pick(all, at);
  const file = pick(files, at);
  const up = (path: string): string => path.slice(0, path.lastIndexOf("/"));
  const exists = lstatSync(host(fresh), { throwIfNoEntry: false }) !== undefined;
  if (kind <= 2) {
    if (exists && all.includes(fresh) && directories.includes(fresh)) return [];
    if (exists && lstatSync(host(fresh)).isSymbolicLink()) return [];
    writeFileSync(host(fresh), "x".repeat(at % 50));
    return [directory];
  }
  if (kind === 3 && !exists && fresh.split("/").length < 6) {
    mkdirSync(host(fresh));
    return [directory];
  }
  if (kind === 4 && some !== undefined) {
    rmSync(host(some), { recursive: true });
    return [up(some)];
  }
  if (kind === 5 && some !== undefined && !`${fresh}/`.startsWith(`${some}/`) && !exists) {
    renameSync(host(some), host(fresh));
    return [up(some), directory];
  }
  if (
    kind === 6 &&
    some !== undefined &&
    files.every((path) => path !== some || !lstatSync(host(path)).isSymbolicLink())
  ) {
    chmodSync(host(some), 0o700 | (to & 0o77));
    return [up(some)];
  }
  if (kind === 7 && !exists) {
    const targets = [
      `${root}${some ?? ""}`,
      "/nowhere",
      some ?? "/",
      "../../../out",
      NAMES[at % NAMES.length] as string,
    ];
    symlinkSync(Buffer.from(targets[at % targets.length] as string, "latin1"), host(fresh));
    return [directory];
  }
  if (kind === 8 && file !== undefined && !exists) {
    linkSync(host(file), host(fresh));
    return [up(file), directory];
  }
  if (kind === 9 && some !== undefined) {
    const wasDirectory = directories.includes(some);
    rmSync(host(some), { recursive: true });
    if (wasDirectory) writeFileSync(host(some), "was a directory");
    else {
      mkdirSync(host(some));
      writeFileSync(host(`${some}/${NAMES[name]}`), "");
    }
    return [up(some)];
  }
  if (kind === 10 && file !== undefined && !lstatSync(host(file)).isSymbolicLink()) {
    utimesSync(host(file), at % 1000, to % 1000);
    return [up(file)];
  }
  if (kind === 11) chmodSync(host(directory), 0o700 | (at & 0o77));
  return kind === 11 ? [directory === "" ? "" : up(directory)] : [];
}

const rule = fc.constantFrom<NonNullable<SelectOptions["rules"]>[number]>(
  { kind: "include", pattern: "/a" },
  { kind: "exclude", pattern: "*.py" },
  { kind: "include", pattern: "/a/b*" },
  { kind: "exclude", pattern: "/b" },
  { kind: "include", pattern: "/b/a/c" },
  { kind: "include", pattern: "*/ab" },
  { kind: "include", pattern: "/c/[ab]" },
  { kind: "exclude", pattern: "/a/a/*" },
  { kind: "include", pattern: "/*" },
);
const policies = fc.record({
  rules: fc.oneof(fc.constant([]), fc.array(rule, { maxLength: 4 })),
  strict: fc.constantFrom(false, false, true),
  secrets: fc.constantFrom("warn", "warn", "warn", "error"),
  preserveSymlinks: fc.boolean(),
  ignored: fc.constantFrom("", "", "b\n!a/b\n", "*.pyc\n/a/c/\n"),
  mtime: fc.constantFrom({ kind: "keep" }, { kind: "clamp", epochSeconds: 500 }),
  hostPaths: fc.constantFrom([], ["/a/b"]),
  output: fc.boolean(),
});

function check(update: TreeUpdate, previous: Tree, clean: Tree, all: boolean): void {
  if (update.kind === "unchanged") {
    expect({ ...contents(previous, all), warnings: [] }).toEqual({ ...contents(clean, all), warnings: [] });
    return;
  }
  expect(contents(update.tree, all)).toEqual(contents(clean, all));
  expect([...update.origin]).toEqual([...originBetween(previous.table, update.tree.table)]);
  const { table } = update.tree;
  const structural =
    table.count !== previous.table.count ||
    update.origin.some(
      (old, row) =>
        old === NO_ROW || (((table.flags[row] as number) ^ (previous.table.flags[old] as number)) & ROW.selected) !== 0,
    );
  // A directory in another one's place is new, though its path is not.
  if (structural) expect(update.structural).toBe(true);
  const { kind: _kind, tree: _tree, structural: _structural, ...delta } = update;
  expect(delta).toEqual(naiveDelta(previous.table, table, update.origin));
}

/** Row by row, without any of what the update knows. */
function naiveDelta(previous: NodeTable, next: NodeTable, origin: Uint32Array): TableDelta {
  const facts = (table: NodeTable, row: number): string =>
    [
      (table.flags[row] as number) & ROW.selected,
      bodyOf(table, row).toString("hex"),
      ...table.stats.subarray(row * STAT_WORDS, (row + 1) * STAT_WORDS),
      ...(table.xattrs.get(row) ?? []).flatMap(({ name, value }) => [name.toString("hex"), value.toString("hex")]),
    ].join();
  const rows = [...origin.keys()];
  const oldOf = (row: number): number => origin[row] ?? NO_ROW;
  const ranges: [number, number, number][] = [];
  for (const row of rows.filter((candidate) => oldOf(candidate) !== NO_ROW)) {
    const last = ranges.at(-1);
    if (last !== undefined && row === last[0] + last[2] && oldOf(row) === last[1] + last[2]) last[2]++;
    else ranges.push([row, oldOf(row), 1]);
  }
  const isChanged = (row: number): boolean => oldOf(row) === NO_ROW || facts(previous, oldOf(row)) !== facts(next, row);
  const origins = new Set(origin);
  return {
    origin,
    ranges: Uint32Array.from(ranges.flat()),
    changedRows: Uint32Array.from(rows.filter(isChanged)),
    removedRows: Uint32Array.from([...previous.depth.keys()].filter((old) => !origins.has(old))),
  };
}

const factsOf = (result: Result<unknown>): unknown => (result.ok ? "fine" : { ...result.error, cause: undefined });

const rounds = fc.array(fc.array(edit, { maxLength: 6 }), { minLength: 1, maxLength: 4 });

test.each(["all", "hints", "a selector that knows nothing"] as const)("random edits: %s", (how) => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 5, maxLength: 40 }), rounds, policies, (first, later, policy) => {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
      for (const one of first) apply(one);
      const ignoreFile = join(base, "ignore");
      writeFileSync(ignoreFile, policy.ignored, "latin1");
      const { ignored, output, ...given } = policy;
      const options: SelectOptions = {
        ...(given as Partial<SelectOptions>),
        root,
        ...(ignored !== "" && { ignoreFiles: [ignoreFile] }),
        ...(output && { outputs: [Buffer.from(join(root, "a"))] }),
      };
      const opened = Selector.open(options);
      if (!opened.ok) return;
      let selector = opened.value;
      const start = selector.select();
      if (!start.ok) return;
      let previous = start.value;
      let pending: string[] = [];
      for (const edits of later) {
        for (const one of edits) {
          const before = otherNames();
          const touched = apply(one);
          // Names that are not looked at may be other names of recorded inodes: a write there is no hint.
          const decides = given.rules.length > 0 || ignored !== "" || output;
          pending.push(...touched, ...(decides && touched.length > 0 ? [...before, ...otherNames()] : []));
        }
        if (how === "a selector that knows nothing") {
          const again = Selector.open(options);
          if (!again.ok) return;
          // The engine would not use a tree from under another key.
          if (again.value.key !== selector.key) return;
          selector = again.value;
        }
        const hints: Hints | "all" =
          how === "hints"
            ? { directories: pending.map((path) => Buffer.from(path || "/", "latin1")), files: [] }
            : "all";
        const update = selector.update(previous, hints);
        const clean = select(options);
        if (!clean.ok || !update.ok) {
          expect(factsOf(update)).toEqual(factsOf(clean));
          continue;
        }
        check(update.value, previous, clean.value, how !== "hints");
        const apart = deltaBetween(previous.table, clean.value.table);
        expect(apart).toEqual(naiveDelta(previous.table, clean.value.table, apart.origin));
        pending = [];
        if (update.value.kind === "changed") previous = update.value.tree;
      }
    }),
    { numRuns: 150 },
  );
});
