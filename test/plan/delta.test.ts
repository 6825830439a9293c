/** Plans and changes that are found with the help of what selection says are those found without it. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { changesBetween, type SegmentChange } from "../../src/plan/changes.js";
import { planStable, type StablePlan } from "../../src/plan/stable.js";
import { stableColumns } from "../../src/plan/stable-columns.js";
import { originBetween } from "../../src/tree/origin.js";
import { copyOf, edit, randomTree } from "./random-edits.js";
import { deltaBetween } from "./row-delta.js";
import {
  contentChangedBetween,
  directory,
  file,
  type Made,
  randomFrom,
  syntheticTree,
  treeOf,
  xattr,
} from "./tables.js";

const CUTS = ["/b", "/f5", "/lib.so"].map((path) => Buffer.from(path));
const ADDRESSES = ["nid", "ino", "dataBlock", "cellOccupant", "objectsByPlace"] as const;
const NUMBERS = ["sizeBytes", "slotCount", "headerBlocks", "tableBlocks", "buildTime"] as const;

function unwrap(result: ReturnType<typeof planStable>): StablePlan {
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}

function expectSamePlan(one: StablePlan, other: StablePlan): void {
  const columns = stableColumns(one);
  for (const [name, column] of Object.entries(stableColumns(other))) expect(columns[name], name).toEqual(column);
  for (const name of ADDRESSES) expect(one[name], name).toEqual(other[name]);
  for (const name of NUMBERS) expect(one[name], name).toBe(other[name]);
  expect(one.inventory.tree).toBe(other.inventory.tree);
  expect(one.sections).toEqual(other.sections);
  expect(one.piecesIn(0, one.sizeBytes)).toEqual(other.piecesIn(0, one.sizeBytes));
}

const ascending = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
const sorted = (changes: readonly SegmentChange[]) =>
  changes.map(({ segment, kind, inodes, contents, vacated }) => ({
    segment,
    kind,
    inodes: ascending(inodes),
    contents: ascending(contents),
    vacated: [...vacated].sort(([a], [b]) => a - b),
  }));

/** Leaves out a name, or takes it in again, with all beneath. */
function select(random: () => number, root: Made): void {
  const { children } = root as { children: Map<string, Made> };
  const [name, node] = [...children][Math.floor(random() * children.size)] ?? [];
  if (name === undefined || node === undefined) return;
  if (node.children !== undefined && random() < 0.6) select(random, node);
  else if (root.unselected !== true) children.set(name, marked(node, node.unselected !== true));
}

const marked = (node: Made, unselected: boolean): Made => ({
  ...node,
  unselected,
  ...(node.children !== undefined && {
    children: new Map([...node.children].map(([name, child]) => [name, marked(child, unselected)])),
  }),
});

/** Nothing beneath what is left out is taken in. */
function settle({ children }: Made): void {
  for (const [name, node] of children ?? []) {
    if (node.unselected === true) children?.set(name, marked(node, true));
    else settle(node);
  }
}

function check(before: StablePlan, earlier: Made, now: Made, cuts?: readonly Buffer[]): StablePlan {
  const tree = treeOf(now);
  const table = before.inventory.tree.table;
  const origin = originBetween(table, tree.table);
  const delta = deltaBetween(table, tree.table, origin);
  const options = { buildTime: 0, ...(cuts !== undefined && { cuts }) };
  const reference = unwrap(planStable(tree, options, { plan: before, origin }));
  const plan = unwrap(planStable(tree, options, { plan: before, origin, delta }));
  expectSamePlan(plan, reference);
  const contentChanged = contentChangedBetween(earlier, now, origin);
  expect(sorted(changesBetween(before, plan, origin, contentChanged, delta))).toEqual(
    sorted(changesBetween(before, reference, origin, contentChanged)),
  );
  return plan;
}

test("random edits of random trees", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.nat(200),
      fc.nat(4),
      fc.boolean(),
      (seed, nodes, edits, cut) => {
        const random = randomFrom(seed);
        let root = randomTree(random, nodes);
        let plan = unwrap(planStable(treeOf(root), { buildTime: 0 }));
        for (let step = 0; step < 6; step++) {
          const earlier = root;
          root = copyOf(root);
          for (let index = 0; index < edits; index++) (random() < 0.15 ? select : edit)(random, root);
          settle(root);
          plan = check(plan, earlier, root, cut && random() < 0.5 ? CUTS : undefined);
        }
      },
    ),
    { numRuns: Number(process.env["BINARYFS_PLAN_RUNS"] ?? 100) },
  );
});

test("edits of a tree with many packs and slots", () => {
  const random = randomFrom(11);
  let root = syntheticTree(6000, 4, { median: 5000, sigma: 1.8 });
  let plan = unwrap(planStable(treeOf(root), { buildTime: 0 }));
  for (let step = 0; step < 25; step++) {
    const earlier = root;
    root = copyOf(root);
    const edits = step % 5 === 4 ? 12 : 1;
    for (let index = 0; index < edits; index++) (random() < 0.15 ? select : edit)(random, root);
    settle(root);
    plan = check(plan, earlier, root);
  }
});

test("edits of a tree whose directory table reaches beyond slot 0, and a root that grows", () => {
  const random = randomFrom(12);
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  let root: Made = directory(
    Object.fromEntries(
      names("d", 90).map((name) => [
        name,
        directory(Object.fromEntries(names("e", 95).map((inner) => [inner, directory({ f: file(100) })]))),
      ]),
    ),
  );
  let plan = unwrap(planStable(treeOf(root), { buildTime: 0 }));
  expect(plan.tableBlocks).toBeGreaterThan(256);
  for (let step = 0; step < 10; step++) {
    const earlier = root;
    root = copyOf(root);
    if (step === 3) root = { ...root, xattrs: [xattr(5000)] };
    else if (step % 2 === 0) root.children?.get(`d${step}`)?.children?.set(`new${step}`, directory());
    else if (step === 5) root.children?.get("d7")?.children?.delete("e9");
    else edit(random, root);
    plan = check(plan, earlier, root);
  }
});

test("what an edit leaves as it is stays the earlier plan's", () => {
  const before = directory({ a: file(5000), b: file(9000, { mtime: 1 }), c: directory({ d: file(3) }) });
  const after = copyOf(before);
  after.children?.set("b", file(9000, { mtime: 2 }));
  const plan = unwrap(planStable(treeOf(before), { buildTime: 0 }));
  const next = check(plan, before, after);
  const columns = stableColumns(plan);
  for (const [name, column] of Object.entries(stableColumns(next))) {
    if (name !== "rootBytes") expect(column).toBe(columns[name]);
  }
  for (const name of ADDRESSES) expect(next[name]).toBe(plan[name]);
});
