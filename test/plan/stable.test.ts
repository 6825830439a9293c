import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changesBetween } from "../../src/plan/changes.js";
import { planStable, type StableOptions, type StablePlan } from "../../src/plan/stable.js";
import { stableColumns, stableFromColumns } from "../../src/plan/stable-columns.js";
import { originBetween } from "../../src/tree/origin.js";
import { guestPath } from "../../src/tree/paths.js";
import { copyOf, edit, randomTree } from "./random-edits.js";
import { fileLabels, Labels } from "./simulated-image.js";
import {
  contentChangedBetween,
  directory,
  file,
  link,
  type Made,
  randomFrom,
  syntheticTree,
  treeOf,
  versionsOf,
  xattr,
} from "./tables.js";

const MIB = 1_048_576;

function planOf(root: Made, options: Partial<StableOptions> = {}): StablePlan {
  const plan = planStable(treeOf(root), { buildTime: 0, ...options });
  if (!plan.ok) throw new Error(plan.error.code);
  return plan.value;
}

function replan(root: Made, before: StablePlan): { plan: StablePlan; origin: Uint32Array } {
  const tree = treeOf(root);
  const origin = originBetween(before.inventory.tree.table, tree.table);
  const plan = planStable(tree, { buildTime: 0 }, { plan: before, origin });
  if (!plan.ok) throw new Error(plan.error.code);
  return { plan: plan.value, origin };
}

/** Stretches [start, end) of everything that the plan places. */
function extents(plan: StablePlan): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [[0, 1152]];
  for (let ordinal = 0; ordinal < plan.inventory.count; ordinal++) {
    const at = (plan.nid[ordinal] as number) * 32;
    const chunks = plan.chunkBlocks(ordinal);
    const tail = plan.inlineBytes[ordinal] as number;
    found.push([at, at + (plan.inventory.headBytes[ordinal] as number) + 4 * chunks.length + tail]);
    const content = plan.inventory.contentBytes[ordinal] as number;
    for (const [index, block] of chunks.entries()) {
      found.push([block * 4096, block * 4096 + Math.min(MIB, content - index * MIB)]);
    }
    const block = (plan.dataBlock[ordinal] as number) * 4096;
    if (chunks.length === 0 && content > tail) found.push([block, block + content - tail]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

function expectSound(plan: StablePlan): void {
  const all = extents(plan);
  for (const [index, [, end]] of all.entries()) {
    expect(all[index + 1]?.[0] ?? plan.sizeBytes).toBeGreaterThanOrEqual(end);
  }
  expect(plan.nid[0]).toBe(36);
  expect(new Set(plan.ino).size).toBe(plan.inventory.count);
  for (let ordinal = 0; ordinal < plan.inventory.count; ordinal++) {
    const tail = plan.inlineBytes[ordinal] as number;
    const from = (plan.nid[ordinal] as number) * 32 + (plan.inventory.headBytes[ordinal] as number);
    if (tail > 0) expect(Math.floor(from / 4096)).toBe(Math.floor((from + tail - 1) / 4096));
  }
  const pieces = plan.piecesIn(0, plan.sizeBytes);
  const inodes: number[] = [];
  let end = 0;
  let contentBytes = 0;
  for (const piece of pieces) {
    expect(piece.offset).toBeGreaterThanOrEqual(end);
    expect(piece.offset % 4096).toBe(0);
    end = piece.offset + piece.sizeBytes;
    if (piece.kind === "content") contentBytes += piece.sizeBytes;
    let nid = -1;
    for (const ordinal of piece.ordinals) {
      const at = plan.nid[ordinal] as number;
      expect(at).toBeGreaterThan(nid);
      expect(at * 32 >= piece.offset && at * 32 < end).toBe(true);
      nid = at;
      inodes.push(ordinal);
    }
  }
  expect(end).toBeLessThanOrEqual(plan.sizeBytes);
  expect(inodes.sort((a, b) => a - b)).toEqual([...plan.inventory.row.keys()]);
  const all2 = plan.inventory.contentBytes.reduce((sum, bytes) => sum + bytes, 0);
  expect(contentBytes).toBe(all2 - plan.inlineBytes.reduce((sum, bytes) => sum + bytes, 0));
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

describe("planStable", () => {
  test("nothing overlaps, all lies in the image, pieces hold everything once", () => {
    fc.assert(
      fc.property(seeds, fc.nat(150), (seed, nodes) => expectSound(planOf(randomTree(randomFrom(seed), nodes)))),
    );
    expectSound(planOf(syntheticTree(20_000, 1, { median: 600, sigma: 2 })));
    expectSound(planOf(directory()));
  });

  test("pieces of a stretch are those of the whole that reach into it", () => {
    const plan = planOf(randomTree(randomFrom(3), 300));
    const all = plan.piecesIn(0, plan.sizeBytes);
    for (let start = 0; start < plan.sizeBytes; start += 300_000) {
      const end = start + 700_000;
      expect(plan.piecesIn(start, end)).toEqual(
        all.filter(({ offset, sizeBytes }) => offset < end && offset + sizeBytes > start),
      );
    }
  });

  test("with an earlier plan it is the same as without, and its columns give it back", () => {
    fc.assert(
      fc.property(seeds, fc.nat(150), fc.nat(3), (seed, nodes, edits) => {
        const random = randomFrom(seed);
        const root = randomTree(random, nodes);
        let before = planOf(root);
        for (let index = 0; index <= edits; index++) {
          edit(random, root);
          const { plan } = replan(root, before);
          const clean = planOf(root);
          expect(stableColumns(plan)).toEqual(stableColumns(clean));
          expect(plan.nid).toEqual(clean.nid);
          before = plan;
        }
        const restored = stableFromColumns(before.inventory.tree, stableColumns(before), 0);
        if (!restored.ok) throw new Error(restored.error.code);
        for (const name of ["nid", "ino", "dataBlock", "sizeBytes", "cellOccupant"] as const) {
          expect(restored.value[name]).toEqual(before[name]);
        }
      }),
    );
  });

  test("columns that are missing or too short are refused", () => {
    const plan = planOf(directory({ a: file(1) }));
    const { tree } = plan.inventory;
    const columns = stableColumns(plan);
    expect(stableFromColumns(tree, { ...columns, packUnit: undefined }, 0)).toMatchObject({ ok: false });
    expect(stableFromColumns(tree, { ...columns, packUnit: new Uint16Array(1) }, 0)).toMatchObject({ ok: false });
  });

  test("a declared path begins a pack", () => {
    const root = syntheticTree(3000, 2, { median: 600, sigma: 1.5 });
    const paths = ["/dir31", "/m", "/file5.js/beneath", "/zzz", "/"];
    const plan = planOf(root, { cuts: paths.map((path) => Buffer.from(path)) });
    expectSound(plan);
    const { row, tree } = plan.inventory;
    const starts = new Set(plan.packs.start);
    const order = Array.from(row, (at) => guestPath(tree.table, at).toString("latin1").split("/").join("\0"));
    for (const path of paths) {
      const first = order.findIndex((other) => other >= path.split("/").join("\0"));
      expect(starts.has(first < 0 ? row.length : Math.max(0, first))).toBe(true);
    }
  });

  test("large contents are chunks, or lie apart", () => {
    const children = {
      "a.bin": file(3 * MIB),
      "b.bin": file(2 * MIB + 1),
      "c.bin": file(2 * MIB - 1),
      "d.bin": file(MIB - 1),
      "e.so": file(300_000),
      x: file(10, { xattrs: [xattr(60_000)] }),
      y: link(4095),
    };
    const plan = planOf(directory(children));
    expectSound(plan);
    expect([...plan.inventory.row.keys()].map((ordinal) => plan.chunkBlocks(ordinal).length)).toEqual([
      0, 3, 3, 2, 0, 0, 0, 0,
    ]);
    for (const ordinal of [1, 2, 3])
      for (const block of plan.chunkBlocks(ordinal).subarray(0, 1)) expect(block % 256).toBe(0);
  });

  test("a directory of more than 1 MiB is chunk-based", () => {
    const names = Array.from({ length: 5000 }, (_, index) => [`${index}`.padEnd(250, "x"), file(0)]);
    const plan = planOf(directory({ big: directory(Object.fromEntries(names)), small: directory() }));
    expectSound(plan);
    expect(plan.chunkBlocks(1).length).toBe(2);
  });

  test("files of 20 TiB are too large", () => {
    const plan = planStable(treeOf(directory({ a: file(20 * 2 ** 40) })), { buildTime: 0 });
    expect(plan).toMatchObject({ ok: false, error: { code: "image-too-large" } });
  });
});

describe("changesBetween", () => {
  test("turn an earlier image into the clean one", () => {
    fc.assert(
      fc.property(seeds, fc.nat(60), fc.nat(5), (seed, nodes, edits) => {
        const random = randomFrom(seed);
        let root = randomTree(random, nodes);
        let before = planOf(root);
        let image = new Labels(before, fileLabels(versionsOf(root))).clean();
        for (let step = 0; step < 3; step++) {
          const earlier = root;
          root = copyOf(root);
          for (let index = 0; index <= edits; index++) edit(random, root);
          const { plan, origin } = replan(root, before);
          const changes = changesBetween(before, plan, origin, contentChangedBetween(earlier, root, origin));
          const segments = changes.map(({ segment }) => segment);
          expect(segments).toEqual([...new Set(segments)].sort((a, b) => a - b));
          if (changes.length > 0) expect(segments[0]).toBe(0);
          const labels = new Labels(plan, fileLabels(versionsOf(root)));
          image = labels.apply(image, changes);
          expect(differences(image, labels.clean())).toEqual([]);
          before = plan;
        }
      }),
      { numRuns: 60 },
    );
  });

  test("an equal tree has none", () => {
    const root = randomTree(randomFrom(1), 300);
    const before = planOf(root);
    const { plan, origin } = replan(root, before);
    expect(changesBetween(before, plan, origin, new Uint8Array(origin.length))).toEqual([]);
  });
});

function differences(image: ReadonlyMap<number, string>, clean: ReadonlyMap<number, string>): string[] {
  const found: string[] = [];
  for (const [at, label] of clean) if (image.get(at) !== label) found.push(`${at}: ${image.get(at)} for ${label}`);
  for (const [at, label] of image) if (!clean.has(at)) found.push(`${at}: ${label} is left`);
  return found.slice(0, 3);
}
