/** What a selector says of trees that changed in known ways, or not at all. */

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_ROW, ROW, type Tree } from "../../src/model.js";
import { type SelectOptions, Selector, type TreeUpdate } from "../../src/select/select.js";
import { lookup } from "../../src/tree/paths.js";
import { bodyOf, rowSize } from "../../src/tree/row.js";
import { selectedPaths } from "./nested.js";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-selector-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, content = path): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

function opened(options: Partial<SelectOptions> = {}): { selector: Selector; tree: Tree } {
  const selector = Selector.open({ root, ...options });
  if (!selector.ok) throw new Error(selector.error.code);
  const tree = selector.value.select();
  if (!tree.ok) throw new Error(tree.error.code);
  return { selector: selector.value, tree: tree.value };
}
function changed(update: ReturnType<Selector["update"]>): Extract<TreeUpdate, { kind: "changed" }> {
  if (!update.ok) throw new Error(update.error.code);
  if (update.value.kind === "unchanged") throw new Error("unchanged");
  return update.value;
}
const paths = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const none = { directories: [], files: [] };
const unchanged = { ok: true, value: { kind: "unchanged" } };
const rowAt = (tree: Tree, path: string): number => lookup(tree.table, path) as number;

test("an untouched tree is unchanged, however it is looked at", () => {
  for (const path of ["a/one", "a/b/two", "three"]) put(path);
  const { selector, tree } = opened({ rules: [{ kind: "exclude", pattern: "/a/one" }] });
  expect(selector.update(tree, "all")).toEqual(unchanged);
  expect(selector.update(tree, none)).toEqual(unchanged);
  expect(selector.update(tree, { directories: paths("/a", "/", "/gone/x"), files: paths("/three", "/no") })).toEqual(
    unchanged,
  );
});

test("what hints do not name is not looked at", () => {
  put("a/one");
  put("b/two");
  const { selector, tree } = opened();
  put("a/one", "more than before");
  expect(selector.update(tree, { directories: paths("/b"), files: paths("/b/two") })).toEqual(unchanged);
  for (const hints of [{ ...none, files: paths("/a/one") }, { ...none, directories: paths("/a") }, "all"] as const) {
    const update = changed(selector.update(tree, hints));
    expect(update.structural).toBe(false);
    expect(rowSize(update.tree.table, rowAt(update.tree, "/a/one"))).toBe("more than before".length);
    expect([...update.origin]).toEqual([...tree.table.parent.keys()]);
  }
});

test("a hinted file that is new, gone or of another type makes its directory be listed", () => {
  put("a/one");
  put("a/two");
  const { selector, tree } = opened();
  put("a/new");
  rmSync(join(root, "a/two"));
  const update = changed(selector.update(tree, { ...none, files: paths("/a/new") }));
  expect(selectedPaths(update.tree)).toEqual(["/a/", "/a/new", "/a/one"]);
  expect(update.structural).toBe(true);
  expect(update.origin[rowAt(update.tree, "/a/new")]).toBe(NO_ROW);
  rmSync(join(root, "a/one"));
  mkdirSync(join(root, "a/one/deep"), { recursive: true });
  const next = changed(selector.update(update.tree, { ...none, files: paths("/a/one") }));
  expect(selectedPaths(next.tree)).toEqual(["/a/", "/a/new", "/a/one/", "/a/one/deep/"]);
  expect(next.origin[rowAt(next.tree, "/a/one")]).toBe(NO_ROW);
});

test("a hint in a directory that vanished leads to the directory above", () => {
  put("a/b/c/file");
  put("a/other");
  const { selector, tree } = opened();
  rmSync(join(root, "a/b"), { recursive: true });
  const update = changed(selector.update(tree, { ...none, files: paths("/a/b/c/file") }));
  expect(selectedPaths(update.tree)).toEqual(["/a/", "/a/other"]);
});

test("all names of an inode change together", () => {
  put("a/one");
  linkSync(join(root, "a/one"), join(root, "two"));
  put("three");
  const { selector, tree } = opened();
  chmodSync(join(root, "two"), 0o600);
  const update = changed(selector.update(tree, { ...none, files: paths("/two") }));
  const { stats } = update.tree.table;
  const record = (path: string): number[] => [...stats.slice(rowAt(update.tree, path) * 16).slice(0, 16)];
  expect(record("/a/one")).toEqual(record("/two"));
});

test("a directory moved away and another one moved in its place is listed anew", () => {
  put("a/x/one");
  put("b/y/two");
  const { selector, tree } = opened();
  renameSync(join(root, "a"), join(root, "c"));
  renameSync(join(root, "b"), join(root, "a"));
  const update = changed(selector.update(tree, { ...none, directories: paths("/") }));
  expect(selectedPaths(update.tree)).toEqual(["/a/", "/a/y/", "/a/y/two", "/c/", "/c/x/", "/c/x/one"]);
  expect(update.origin[rowAt(update.tree, "/a")]).toBe(rowAt(tree, "/a"));
});

test("ROOT that vanished is an error, ROOT replaced is a change", () => {
  put("tree/one");
  put("tree/two");
  const { selector, tree } = opened({ root: join(root, "tree") });
  renameSync(join(root, "tree"), join(root, "old"));
  expect(selector.update(tree, none)).toMatchObject({ ok: false, error: { code: "root-missing" } });
  put("tree/one");
  expect(selectedPaths(changed(selector.update(tree, none)).tree)).toEqual(["/one"]);
});

test("files are racy by the clock, and stay so until their records change", () => {
  put("young");
  put("old");
  put("coming");
  utimesSync(join(root, "coming"), 4e9, 4e9);
  const { selector, tree } = opened();
  const isRacy = ({ table }: Tree, path: string): boolean =>
    ((table.flags[lookup(table, path) as number] as number) & ROW.racy) !== 0;
  expect(isRacy(tree, "/coming")).toBe(true);
  // As the engine does once it has compared contents.
  tree.table.flags.fill(ROW.selected);
  put("young", "again");
  const update = changed(selector.update(tree, "all"));
  expect(isRacy(update.tree, "/coming")).toBe(false);
  utimesSync(join(root, "young"), 4e9, 4e9);
  const next = changed(selector.update(update.tree, { ...none, files: paths("/young") }));
  expect(isRacy(next.tree, "/young")).toBe(true);
  expect(isRacy(next.tree, "/old")).toBe(false);
});

test("a link that was made anew has its new body; unused bytes do not pile up", () => {
  put("file");
  symlinkSync("file", join(root, "link"));
  const { selector, tree } = opened();
  let last = tree;
  for (let round = 0; round < 20; round++) {
    rmSync(join(root, "link"));
    symlinkSync(`./././././././././file${round}`, join(root, "link"));
    last = changed(selector.update(last, "all")).tree;
  }
  expect(bodyOf(last.table, rowAt(last, "/link")).toString()).toBe("./././././././././file19");
  expect(last.table.bytes.length).toBeLessThan(200);
});

test("an ignore file or a link in a pattern that changed changes the key and selects anew", () => {
  put("a/one");
  put("b/two");
  put("ignore", "/b\n");
  symlinkSync("a", join(root, "now"));
  const { selector, tree } = opened({
    rules: [
      { kind: "include", pattern: "/now" },
      { kind: "include", pattern: "/b" },
    ],
    ignoreFiles: [join(root, "ignore")],
  });
  const { key } = selector;
  expect(selectedPaths(tree)).toEqual(["/a/", "/a/one", "/now"]);
  rmSync(join(root, "now"));
  symlinkSync("b", join(root, "now"));
  put("ignore", "");
  const update = changed(selector.update(tree, none));
  expect(selectedPaths(update.tree)).toEqual(["/b/", "/b/two", "/now"]);
  expect(selector.key).not.toBe(key);
});

test("keys differ where selections may", () => {
  put("file");
  const key = (options: Partial<SelectOptions>): string => opened(options).selector.key;
  const variants: Partial<SelectOptions>[] = [
    {},
    { rules: [{ kind: "include", pattern: "/file" }] },
    { rules: [{ kind: "include", pattern: "/fil*" }] },
    { strict: true },
    { specials: "keep" },
    { preserveSymlinks: true },
    { xattrs: ["user.*"] },
    { owner: "root" },
    { mtime: { kind: "set", epochSeconds: 0 } },
    { mtime: { kind: "clamp", epochSeconds: 0 } },
    { mtime: { kind: "clamp", epochSeconds: 1 } },
    { outputs: paths("/tmp/out.so") },
    { secrets: "warn" },
    { allowSecrets: [".env"] },
    { hostPaths: ["/etc/hosts"] },
    { volumes: [{ guest: "/etc/hosts" }] },
    { volumes: [{ guest: "/etc/hosts", host: "/x" }] },
    { sealed: true },
  ];
  expect(new Set(variants.map(key)).size).toBe(variants.length);
  expect(key({})).toBe(key({ rules: [], strict: false, onProgress: () => undefined }));
});

test("extended attributes of rows that changed are read again, those of others kept", (context) => {
  const set = (path: string, value: string): void => {
    const script = "import os, sys; os.setxattr(sys.argv[1], 'user.colour', sys.argv[2].encode())";
    if (spawnSync("python3", ["-c", script, join(root, path), value]).status !== 0) context.skip("no attributes here");
  };
  put("a");
  put("b");
  set("a", "red");
  set("b", "green");
  const { selector, tree } = opened({ xattrs: ["user.*"] });
  put("0");
  set("b", "blue");
  const update = changed(selector.update(tree, "all"));
  const colour = (path: string): string | undefined =>
    update.tree.table.xattrs.get(rowAt(update.tree, path))?.[0]?.value.toString();
  expect([colour("/0"), colour("/a"), colour("/b")]).toEqual([undefined, "red", "blue"]);
});
