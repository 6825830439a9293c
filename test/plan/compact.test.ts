import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tree, TreeEntry, TreeNode, Xattr } from "../../src/model.js";
import { BinPacker } from "../../src/plan/bins.js";
import { planCompact } from "../../src/plan/compact.js";
import { inlineBytes, type Plan } from "../../src/plan/plan.js";

const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n };
const file = (sizeBytes: number, xattrs?: readonly Xattr[]): TreeNode => ({
  type: "file",
  ...attributes,
  sizeBytes,
  ...(xattrs && { xattrs }),
});
const link = (length: number): TreeNode => ({
  type: "symlink",
  ...attributes,
  sizeBytes: length,
  target: Buffer.alloc(length, "t"),
});
const directory = (children: Readonly<Record<string, TreeNode>>, xattrs?: readonly Xattr[]): TreeNode => {
  const entries = Object.entries(children).map(([name, node]): TreeEntry => ({ name: Buffer.from(name), node }));
  entries.sort((a, b) => Buffer.compare(a.name, b.name));
  return { type: "directory", ...attributes, sizeBytes: 0, children: entries, ...(xattrs && { xattrs }) };
};
const treeOf = (root: TreeNode): Tree => ({
  root,
  declarations: { hostPaths: [], volumes: [], sealed: false },
  fileCount: 0,
  nodeCount: 0,
  warnings: [],
});
function planOf(root: TreeNode): Plan {
  const plan = planCompact(treeOf(root), 0);
  if (!plan.ok) throw new Error(plan.error.code);
  return plan.value;
}

/** Stretches [start, end) of everything that the plan places. */
function extents(plan: Plan): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [[0, 1152]];
  for (const ordinal of plan.inventory.nodes.keys()) {
    const at = (plan.nid[ordinal] as number) * 32;
    const tail = inlineBytes(plan, ordinal);
    found.push([at, at + (plan.inventory.headBytes[ordinal] as number) + tail]);
    const outline = (plan.inventory.contentBytes[ordinal] as number) - tail;
    const block = (plan.dataBlock[ordinal] as number) * 4096;
    if (outline > 0) found.push([block, block + outline]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

const xattr = (size: number): Xattr => ({ name: Buffer.from("user.x"), value: Buffer.alloc(size) });
const anyNode = fc.letrec<{ node: TreeNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    fc.integer({ min: 0, max: 20_000 }).map((size) => file(size)),
    fc.integer({ min: 1_000_000, max: 9_000_000 }).map((size) => file(size)),
    fc.integer({ min: 1, max: 4095 }).map(link),
    fc.integer({ min: 0, max: 20_000 }).map((size) => file(100, [xattr(size)])),
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
          const plan = planOf(directory(children, size > 4000 ? [xattr(size)] : undefined));
          const all = extents(plan);
          for (const [index, [, end]] of all.entries())
            expect(all[index + 1]?.[0] ?? plan.sizeBytes).toBeGreaterThanOrEqual(end);
          for (const ordinal of plan.inventory.nodes.keys()) {
            const tail = inlineBytes(plan, ordinal);
            const from = (plan.nid[ordinal] as number) * 32 + (plan.inventory.headBytes[ordinal] as number);
            if (tail > 0) expect(Math.floor(from / 4096)).toBe(Math.floor((from + tail - 1) / 4096));
          }
          expect(plan.nid[0]).toBe(36);
          expect([...plan.runOrdinals].sort((a, b) => a - b)).toEqual([...plan.inventory.nodes.keys()]);
          const { offset, sizeBytes } = plan.pieces;
          for (let piece = 1; piece < offset.length; piece++) {
            expect(offset[piece]).toBeGreaterThanOrEqual(
              (offset[piece - 1] as number) + (sizeBytes[piece - 1] as number),
            );
          }
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
    const layouts = plan.inventory.nodes.map((node, ordinal) => [node.sizeBytes, plan.dataLayout[ordinal]]);
    expect(layouts).toEqual([
      [0, 2],
      [1_048_577, 0],
      [100, 0],
      [100, 2],
    ]);
  });

  test("link counts: names of a file, subdirectories and two of a directory", () => {
    const shared = file(1);
    const plan = planOf(directory({ a: shared, b: directory({ c: shared, d: directory({}) }), e: shared }));
    expect([...plan.inventory.nlink]).toEqual([3, 3, 3, 2]);
  });

  test("ten thousand levels do not exhaust the stack", () => {
    let node = directory({});
    for (let level = 0; level < 10_000; level++) node = directory({ d: node });
    expect(planOf(node).inventory.nodes).toHaveLength(10_001);
  });

  test("files of 20 TiB are too large", () => {
    const plan = planCompact(treeOf(directory({ a: file(20 * 2 ** 40) })), 0);
    expect(plan).toMatchObject({ ok: false, error: { code: "image-too-large" } });
  });

  test("a layout does not depend on what is in the files, only on names and sizes", () => {
    const make = (mtimeNs: bigint) =>
      planOf(directory({ a: { ...file(5000), mtimeNs }, b: { ...file(70), mode: Number(mtimeNs) } }));
    expect([...make(1n).nid]).toEqual([...make(2n).nid]);
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
