import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BinPacker } from "../../src/plan/bins.js";
import { planCompact } from "../../src/plan/compact.js";
import type { Plan } from "../../src/plan/plan.js";
import { directory, file, link, type Made, treeOf, xattr } from "./tables.js";

function planOf(root: Made): Plan {
  const plan = planCompact(treeOf(root), 0);
  if (!plan.ok) throw new Error(plan.error.code);
  return plan.value;
}

/** Stretches [start, end) of everything that the plan places. */
function extents(plan: Plan): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [[0, 1152]];
  for (const ordinal of plan.inventory.row.keys()) {
    const at = (plan.nid[ordinal] as number) * 32;
    const tail = plan.inlineBytes[ordinal] as number;
    found.push([at, at + (plan.inventory.headBytes[ordinal] as number) + tail]);
    const outline = (plan.inventory.contentBytes[ordinal] as number) - tail;
    const block = (plan.dataBlock[ordinal] as number) * 4096;
    if (outline > 0) found.push([block, block + outline]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

const anyNode = fc.letrec<{ node: Made }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    fc.integer({ min: 0, max: 20_000 }).map((size) => file(size)),
    fc.integer({ min: 1_000_000, max: 9_000_000 }).map((size) => file(size)),
    fc.integer({ min: 1, max: 4095 }).map((size) => link(size)),
    fc.integer({ min: 0, max: 20_000 }).map((size) => file(100, { xattrs: [xattr(size)] })),
    fc
      .dictionary(fc.stringMatching(/^[a-z]{1,20}$/), tie("node"), { maxKeys: 30 })
      .map((children) => directory(children)),
  ),
})).node;

describe("planCompact", () => {
  test("nothing overlaps, everything lies in the image, inline tails stay within a block", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), anyNode, { minKeys: 1 }),
        fc.nat(9000),
        (children, size) => {
          const plan = planOf(directory(children, size > 4000 ? { xattrs: [xattr(size)] } : {}));
          const all = extents(plan);
          for (const [index, [, end]] of all.entries())
            expect(all[index + 1]?.[0] ?? plan.sizeBytes).toBeGreaterThanOrEqual(end);
          for (const ordinal of plan.inventory.row.keys()) {
            const tail = plan.inlineBytes[ordinal] as number;
            const from = (plan.nid[ordinal] as number) * 32 + (plan.inventory.headBytes[ordinal] as number);
            if (tail > 0) expect(Math.floor(from / 4096)).toBe(Math.floor((from + tail - 1) / 4096));
          }
          expect(plan.nid[0]).toBe(36);
          const pieces = plan.piecesIn(0, plan.sizeBytes);
          const inodes = pieces.flatMap(({ ordinals }) => [...ordinals]);
          expect(inodes.sort((a, b) => a - b)).toEqual([...plan.inventory.row.keys()]);
          for (const [index, { offset, sizeBytes }] of pieces.entries()) {
            expect(pieces[index + 1]?.offset ?? plan.sizeBytes).toBeGreaterThanOrEqual(offset + sizeBytes);
          }
          const middle = plan.sizeBytes / 2;
          expect(plan.piecesIn(middle, middle + 5000)).toEqual(
            pieces.filter(({ offset, sizeBytes }) => offset < middle + 5000 && offset + sizeBytes > middle),
          );
        },
      ),
    );
  });

  test("small files live inside inode blocks", () => {
    const children = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, file(448)]));
    // 512 bytes an inode with its content: eight a block, and a few blocks for the root.
    expect(planOf(directory(children)).sizeBytes / 4096).toBeLessThan(125 + 10);
  });

  test("what may be mapped keeps its tail in a block of its own", () => {
    const plan = planOf(directory({ "libx.so.1": file(100), "x.py": file(100), "big.bin": file(1_048_577) }));
    const sizes = [...plan.inventory.contentBytes];
    const layouts = sizes.map((size, ordinal) => [ordinal === 0 ? 0 : size, plan.dataLayout[ordinal]]);
    expect(layouts).toEqual([
      [0, 2],
      [1_048_577, 0],
      [100, 0],
      [100, 2],
    ]);
  });

  test("link counts: names of a file, subdirectories and two of a directory", () => {
    const shared = file(1, { ino: 5 });
    const plan = planOf(directory({ a: shared, b: directory({ c: shared, d: directory({}) }), e: shared }));
    expect([...plan.inventory.nlink]).toEqual([3, 3, 3, 2]);
  });

  test("ten thousand levels do not exhaust the stack", () => {
    let node = directory({});
    for (let level = 0; level < 10_000; level++) node = directory({ d: node });
    expect(planOf(node).inventory.count).toBe(10_001);
  });

  test("files of 20 TiB are too large", () => {
    const plan = planCompact(treeOf(directory({ a: file(20 * 2 ** 40) })), 0);
    expect(plan).toMatchObject({ ok: false, error: { code: "image-too-large" } });
  });

  test("a layout does not depend on what is in the files, only on names and sizes", () => {
    const make = (mtime: number) =>
      planOf(directory({ a: file(5000, { mtime }), b: file(70, { mode: 0o100600 + mtime }) }));
    expect([...make(1).nid]).toEqual([...make(2).nid]);
  });
});

test("BinPacker prefers the fullest bin that fits, from the asked bin on", () => {
  const packer = new BinPacker();
  expect(packer.place(4000)).toEqual({ bin: 0, offset: 0 });
  expect(packer.place(3000)).toEqual({ bin: 1, offset: 0 });
  expect(packer.place(64)).toEqual({ bin: 0, offset: 4000 });
  expect(packer.place(64)).toEqual({ bin: 1, offset: 3008 });
  expect(packer.place(64, 2)).toEqual({ bin: 2, offset: 0 });
  expect(packer.place(10_000)).toEqual({ bin: 3, offset: 0 });
  expect(packer.count).toBe(6);
});
