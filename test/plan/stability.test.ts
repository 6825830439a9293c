/** What edits of a large tree cost: blocks of the image that are written anew. */

import { expect, test } from "vitest";
import { changesBetween } from "../../src/plan/changes.js";
import { planCompact } from "../../src/plan/compact.js";
import { planStable, type StablePlan } from "../../src/plan/stable.js";
import { originBetween } from "../../src/tree/origin.js";
import { lookup } from "../../src/tree/paths.js";
import { contentChangedBetween, directory, file, type Made, randomFrom, syntheticTree, treeOf } from "./tables.js";
import { blocksTouched, costOf } from "./touched.js";

const MIB = 1_048_576;
const FILES = Number(process.env["BINARYFS_STABILITY_FILES"] ?? 20_000);
const EDITS = Number(process.env["BINARYFS_STABILITY_EDITS"] ?? 30);

function planOf(root: Made, previous?: { plan: StablePlan; origin: Uint32Array }): StablePlan {
  const plan = planStable(treeOf(root), { buildTime: 0 }, previous);
  if (!plan.ok) throw new Error(plan.error.code);
  return plan.value;
}

function allDirectories(root: Made): Made[] {
  const found = [root];
  for (const { children } of found) for (const child of children?.values() ?? []) if (child.children) found.push(child);
  return found;
}

type Names = Map<string, Made>;
type Edit = (names: Names, random: () => number, index: number) => boolean;

const anyFile = (names: Names, random: () => number): string | undefined => {
  const files = [...names].filter(([, node]) => node.children === undefined);
  return files[Math.floor(random() * files.length)]?.[0];
};

const edits: Readonly<Record<string, Edit>> = {
  "grown by a block": (names, random) => {
    const name = anyFile(names, random);
    if (name === undefined) return false;
    const node = names.get(name) as Made;
    names.set(name, { ...node, sizeBytes: node.sizeBytes + 4096 });
    return true;
  },
  added: (names, random, index) => {
    names.set(`new${index}.js`, file(Math.floor(random() * 12_000)));
    return true;
  },
  removed: (names, random) => {
    const name = anyFile(names, random);
    return name !== undefined && names.delete(name);
  },
  "added as a directory": (names, _, index) => {
    names.set(`made${index}`, directory());
    return true;
  },
};

test.each(Object.entries(edits))(`of ${FILES} files, one %s rewrites at most 8 MiB`, (_, edit) => {
  const random = randomFrom(5);
  const root = syntheticTree(FILES, 7, { median: 2500, sigma: 1.6 });
  const directories = allDirectories(root);
  let plan = planOf(root);
  const costs: number[] = [];
  while (costs.length < EDITS) {
    const { children } = directories[Math.floor(random() * directories.length)] as Made;
    if (!edit(children as Names, random, costs.length)) continue;
    const tree = treeOf(root);
    const origin = originBetween(plan.inventory.tree.table, tree.table);
    const next = planOf(root, { plan, origin });
    costs.push(costOf(next, changesBetween(plan, next, origin, new Uint8Array(tree.table.count))).bytes);
    plan = next;
  }
  costs.sort((a, b) => a - b);
  expect(costs.at(-1)).toBeLessThanOrEqual(8 * MIB);
  expect(costs[Math.floor(costs.length / 2)]).toBeLessThanOrEqual(MIB);
});

test("an edit of the same size writes the file's blocks, its inode and the header", () => {
  const make = (version: number): Made =>
    directory({
      // Two blocks of data, and an inode block with the tail.
      "a.py": file(9000, { version, mtime: version }),
      "b.so": file(9000),
      "c.bin": file(3 * MIB + 5000, { version, mtime: version }),
      ...Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, file(5000)])),
    });
  for (const [name, blocks] of [
    ["a.py", 3 + 1],
    ["c.bin", 3 * 256 + 2 + 1 + 1],
  ] as const) {
    const before = make(1);
    const after = make(1);
    after.children?.set(name, make(2).children?.get(name) as Made);
    const plan = planOf(before);
    const { table } = plan.inventory.tree;
    const origin = originBetween(table, treeOf(after).table);
    const next = planOf(after, { plan, origin });
    const changes = changesBetween(plan, next, origin, contentChangedBetween(before, after, origin));
    expect(changes.every(({ kind }) => kind === "patch")).toBe(true);
    const touched = changes.map((change) => blocksTouched(next, change).size);
    expect(touched.reduce((sum, count) => sum + count, 0)).toBe(blocks);
    const ordinal = next.inventory.ordinal[lookup(table, `/${name}`) as number] as number;
    expect([...new Set(changes.flatMap(({ inodes, contents }) => [...inodes, ...contents]))]).toEqual([ordinal]);
  }
});

test.each([
  ["small files", 40_000, { median: 2200, sigma: 1.5 }],
  ["larger files", 10_000, { median: 6000, sigma: 1.8 }],
] as const)("%s: little more room than the compact layout needs", (_, files, sizes) => {
  const root = syntheticTree(files, 3, sizes);
  const plan = planOf(root);
  const compact = planCompact(treeOf(root), 0);
  if (!compact.ok) throw new Error(compact.error.code);
  let physical = 0;
  for (const { sizeBytes } of plan.piecesIn(0, plan.sizeBytes)) physical += Math.ceil(sizeBytes / 4096) * 4096;
  expect(physical / compact.value.sizeBytes).toBeLessThanOrEqual(1.25);
  expect(plan.sizeBytes / compact.value.sizeBytes).toBeLessThanOrEqual(1.6);
});
