import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_ROW } from "../../src/model.js";
import { type Inventory, takeInventory } from "../../src/plan/inventory.js";
import { directory, file, link, type Made, treeOf, xattr } from "./tables.js";

const inventoryOf = (root: Made): Inventory => takeInventory(treeOf(root));

/** Bytes of dirents, from a list of names: what the columns must give without one. */
function direntBytes(names: readonly string[]): number {
  let bytes = 0;
  for (const name of [...names, ".", ".."].sort((a, b) => (a < b ? -1 : 1))) {
    const used = bytes % 4096;
    const needed = 12 + name.length;
    bytes += (bytes > 0 && used === 0 ? 4096 : used) + needed > 4096 ? ((4096 - used) % 4096) + needed : needed;
  }
  return bytes;
}

describe("takeInventory", () => {
  test("directories have room for all names, `.` and `..` in their places", () => {
    const name = fc.oneof(
      fc.constantFrom("!", "-", ".-", ".a", "...", "..a", "a", "\xff", "\x01", ".\x01", "..\x01"),
      fc.integer({ min: 1, max: 255 }).map((length) => "n".repeat(length)),
      fc.stringMatching(/^[!-.0-~]{1,40}$/),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 120 }), (list) => {
        const names = [...new Set(list)].filter((each) => each !== "." && each !== "..");
        const children = Object.fromEntries(names.map((each) => [each, file(0)]));
        const { contentBytes } = inventoryOf(directory({ d: directory(children), e: directory() }));
        expect(contentBytes[1]).toBe(direntBytes(names));
        expect(contentBytes[0]).toBe(direntBytes(["d", "e"]));
      }),
    );
  });

  test("names of one inode share its ordinal, links only with equal bodies", () => {
    const shared = file(5, { ino: 7 });
    const inventory = inventoryOf(
      directory({
        a: shared,
        b: directory({ c: shared }),
        d: { ...link(3, "x"), ino: 8 },
        e: { ...link(3, "y"), ino: 8 },
        f: { ...link(3, "x"), ino: 8 },
        g: file(1, { ino: 9 }),
        h: file(1, { ino: 9, unselected: true }),
      }),
    );
    expect([...inventory.ordinal]).toEqual([0, 1, 2, 1, 3, 4, 3, 5, NO_ROW]);
    expect([...inventory.nlink]).toEqual([3, 2, 2, 2, 1, 1]);
    expect([...inventory.row]).toEqual([0, 1, 2, 4, 5, 7]);
    expect([...inventory.parent]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("thousands of linked inodes keep their names apart", () => {
    const names = Array.from({ length: 3000 }, (_, index) => `f${index}`);
    const children = Object.fromEntries(names.map((name, index) => [name, file(1, { ino: 1 + (index % 1500) })]));
    const inventory = inventoryOf(directory(children));
    expect(inventory.count).toBe(1501);
    expect(inventory.nlink.subarray(1).every((count) => count === 2)).toBe(true);
  });

  test("sizes beyond 32 bits, heads with xattrs, what may be mapped", () => {
    const inventory = inventoryOf(
      directory({
        "a.so": file(10),
        "b.so.1": file(10),
        "c.sox": file(10),
        "d.bin": file(2 ** 40 + 1),
        "e.py": file(10, { xattrs: [xattr(10)] }),
        so: file(10),
      }),
    );
    expect([...inventory.mappable]).toEqual([0, 1, 1, 0, 1, 0, 0]);
    expect(inventory.contentBytes[4]).toBe(2 ** 40 + 1);
    expect([...inventory.headBytes]).toEqual([64, 64, 64, 64, 64, 64 + 12 + 16, 64]);
  });

  test("path hashes follow from paths alone", () => {
    const one = inventoryOf(directory({ a: directory({ b: file(1) }), z: file(1) }));
    const other = inventoryOf(directory({ a: directory({ "0": file(9), b: file(2) }) }));
    expect(other.pathHash[3]).toBe(one.pathHash[2]);
    expect(new Set(one.pathHash).size).toBe(4);
  });
});
