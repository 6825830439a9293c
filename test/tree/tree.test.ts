import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_ROW, type NodeTable, STAT, STAT_WORDS, type Tree } from "../../src/model.js";
import { attributesOf } from "../../src/tree/attributes.js";
import { deltaBetween, rangesOf, rowsBetween, rowWithOrigin } from "../../src/tree/delta.js";
import { deriveParents } from "../../src/tree/derive-parents.js";
import { hashName } from "../../src/tree/hash-name.js";
import { identityOrigin, originBetween } from "../../src/tree/origin.js";
import { guestPath, hostPath, lookup } from "../../src/tree/paths.js";
import { rowSize, rowType, typeOfMode } from "../../src/tree/row.js";

/** A table of paths in order, directories with a slash at their end. */
function tableOf(paths: readonly string[]): NodeTable {
  const count = paths.length;
  const parts = paths.map((path) => path.split("/").filter(Boolean));
  const names = parts.map((components) => Buffer.from(components.at(-1) ?? "", "latin1"));
  const depth = Uint16Array.from(parts, ({ length }) => length);
  const starts = names.map((_, index) => Buffer.concat(names.slice(0, index)).length);
  const stats = new Uint32Array(count * STAT_WORDS);
  for (const [row, path] of paths.entries()) {
    stats[row * STAT_WORDS + STAT.mode] = path.endsWith("/") ? 0o040_755 : 0o100_644;
  }
  return {
    count,
    depth,
    ...deriveParents(count, depth),
    nameStart: Uint32Array.from(starts),
    nameLength: Uint16Array.from(names, ({ length }) => length),
    nameHash: Uint32Array.from(names, (name) => hashName(name, 0, name.length)),
    bodyStart: new Uint32Array(count),
    bodyLength: new Uint16Array(count),
    flags: new Uint8Array(count).fill(1),
    match: new Int32Array(count).fill(-1),
    stats,
    bytes: Buffer.concat(names),
    xattrs: new Map(),
  };
}
const treeOf = (table: NodeTable, over: Partial<Tree> = {}): Tree => ({
  table,
  rootHost: "/srv/\xff",
  owner: "keep",
  mtime: { kind: "keep" },
  declarations: { hostPaths: [], volumes: [], sealed: false },
  fileCount: 0,
  warnings: [],
  ...over,
});

const PATHS = ["/", "/a/", "/a/b/", "/a/b/c", "/a/d", "/e/", "/f\xff"];

test("parents and ends follow from depths", () => {
  const { parent, end } = tableOf(PATHS);
  expect([...parent]).toEqual([0, 0, 1, 2, 1, 0, 0]);
  expect([...end]).toEqual([7, 5, 4, 4, 5, 6, 7]);
});

test("paths lead to rows and back", () => {
  const table = tableOf(PATHS);
  for (const [row, path] of PATHS.entries()) {
    const guest = guestPath(table, row).toString("latin1");
    expect(guest).toBe(path.length > 1 ? path.replace(/\/$/, "") : "/");
    expect(lookup(table, guest)).toBe(row);
    expect(lookup(table, Buffer.from(`/${path}`, "latin1"))).toBe(row);
    expect(hostPath(treeOf(table), row).toString("latin1")).toBe(row === 0 ? "/srv/\xff" : `/srv/\xff${guest}`);
  }
  expect(hostPath(treeOf(table, { rootHost: "" }), 0).toString()).toBe("/");
  for (const absent of ["/b", "/a/b/c/d", "/a/bc", "/.", "/a/.."]) expect(lookup(table, absent)).toBeUndefined();
});

test("hashes are what they always were", () => {
  const hash = (text: string): number => hashName(Buffer.from(`.${text}.`), 1, text.length + 1);
  expect([hash(""), hash("a"), hash("lib.so")]).toEqual([2872998923, 444641715, 2089899682]);
});

test("types and sizes", () => {
  const modes = [0o100_644, 0o040_755, 0o120_777, 0o010_600, 0o020_600, 0o060_600, 0o140_600, 0];
  expect(modes.map(typeOfMode)).toEqual([
    "file",
    "directory",
    "symlink",
    "fifo",
    "character",
    "block",
    "socket",
    "socket",
  ]);
  const table = tableOf(PATHS);
  table.stats.set([7, 3], 3 * STAT_WORDS + STAT.size);
  expect([rowType(table, 3), rowSize(table, 3)]).toEqual(["file", 3 * 2 ** 32 + 7]);
});

test("attributes under policies; times before 1970 are negative", () => {
  const table = tableOf(["/", "/f"]);
  const at = STAT_WORDS;
  table.stats.set([0xffff_ffff, 0xffff_ffff, 5], at + STAT.mtime);
  table.stats.set([0o104_755, 2, 1000, 2000], at + STAT.mode);
  table.stats[at + STAT.rdev] = 99;
  const kept = { type: "file", mode: 0o4755, uid: 1000, gid: 2000, mtimeSeconds: -1, mtimeNsec: 5, rdev: 0 };
  expect(attributesOf(treeOf(table), 1)).toEqual(kept);
  expect(attributesOf(treeOf(table, { owner: "root" }), 1)).toMatchObject({ uid: 0, gid: 0 });
  const under = (kind: "clamp" | "set", epochSeconds: number) =>
    attributesOf(treeOf(table, { mtime: { kind, epochSeconds } }), 1);
  expect(under("clamp", 0)).toEqual(kept);
  expect(under("clamp", -1)).toMatchObject({ mtimeSeconds: -1, mtimeNsec: 0 });
  expect(under("clamp", -2)).toMatchObject({ mtimeSeconds: -2, mtimeNsec: 0 });
  expect(under("set", 10)).toMatchObject({ mtimeSeconds: 10, mtimeNsec: 0 });
});

test("origins name the rows with the same path and type", () => {
  const name = fc.constantFrom("a", "b", "ab", "c");
  const path = fc.tuple(fc.array(name, { maxLength: 3 }), fc.boolean()).map(([parts]) => parts);
  const tree = fc.array(path, { maxLength: 12 }).map((all) => {
    const found = new Set<string>(["/"]);
    for (const parts of all)
      for (let length = 1; length <= parts.length; length++) found.add(parts.slice(0, length).join("/"));
    const isDirectory = (one: string): boolean =>
      one === "/" || [...found].some((other) => other.startsWith(`${one}/`));
    const key = (one: string): string => one.replaceAll("/", "\0");
    return [...found]
      .sort((a, b) => (a === "/" ? -1 : b === "/" ? 1 : key(a) < key(b) ? -1 : 1))
      .map((one) => (one === "/" ? "/" : `/${one}${isDirectory(one) ? "/" : ""}`));
  });
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const expected = after.map((one) => (before.includes(one) ? before.indexOf(one) : NO_ROW));
      expect([...originBetween(tableOf(before), tableOf(after))]).toEqual(expected);
    }),
  );
});

test("a delta says which rows came, went, moved and changed", () => {
  const before = tableOf(["/", "/a/", "/a/b/", "/a/b/c", "/a/d", "/e/", "/f"]);
  const after = tableOf(["/", "/a/", "/a/a", "/a/b/", "/a/b/c", "/e", "/f"]);
  after.stats[4 * STAT_WORDS + STAT.mtime] = 5;
  const { origin, ranges, changedRows, removedRows } = deltaBetween(before, after);
  expect([...origin]).toEqual([0, 1, NO_ROW, 2, 3, NO_ROW, 6]);
  expect([...ranges]).toEqual([0, 0, 2, 3, 2, 2, 6, 6, 1]);
  expect([...changedRows]).toEqual([2, 4, 5]);
  expect([...removedRows]).toEqual([4, 5]);
});

test("a row differs by selection, body and extended attributes too; not by where its bytes lie", () => {
  const before = tableOf(PATHS);
  const list = [{ name: Buffer.from("user.a"), value: Buffer.from("1") }];
  const shifted = { ...tableOf(PATHS), bytes: Buffer.concat([before.bytes, Buffer.from("xxbody")]) };
  expect(deltaBetween(before, shifted).changedRows).toHaveLength(0);
  const after = { ...shifted, xattrs: new Map([[4, list]]) };
  after.flags[1] = 0;
  after.flags[2] = 3;
  after.bodyStart[3] = before.bytes.length + 2;
  after.bodyLength[3] = 4;
  expect([...deltaBetween(before, after).changedRows]).toEqual([1, 3, 4]);
  const same = {
    ...after,
    bodyStart: after.bodyStart.slice(),
    bytes: Buffer.concat([shifted.bytes, Buffer.from("body")]),
  };
  same.bodyStart[3] = shifted.bytes.length;
  same.xattrs = new Map([[4, [{ name: Buffer.from("user.a"), value: Buffer.from("1") }]]]);
  expect(deltaBetween(after, same).changedRows).toHaveLength(0);
  same.bytes.write("bODY", shifted.bytes.length);
  same.xattrs.set(4, [{ name: Buffer.from("user.a"), value: Buffer.from("2") }]);
  expect([...deltaBetween(after, same).changedRows]).toEqual([3, 4]);
});

test("ranges lead from rows to their origins and back", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("keep", "drop", "add"), { maxLength: 30 }), (steps) => {
      const rows: number[] = [0];
      const gone: number[] = [];
      let old = 1;
      for (const step of steps) {
        if (step === "add") rows.push(NO_ROW);
        else (step === "keep" ? rows : gone).push(old++);
      }
      const ranges = rangesOf(Uint32Array.from(rows));
      expect([...rowsBetween(ranges, old)]).toEqual(gone);
      for (let row = 0; row < old; row++) {
        expect(rowWithOrigin(ranges, row)).toBe(gone.includes(row) ? NO_ROW : rows.indexOf(row));
      }
    }),
  );
  expect(rangesOf(identityOrigin(4))).toEqual(Uint32Array.of(0, 0, 4));
  expect(identityOrigin(4)).toBe(identityOrigin(4));
});
