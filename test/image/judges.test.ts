/** Images of random trees before independent judges: fsck.erofs, and where root the kernel's own driver. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareTrees } from "../support/compare-trees.js";
import { canMount, FSCK_CLEAN, fsck, hasTool, withMounted, writeImage } from "../support/images.js";
import { memoryDirectory } from "../support/memory.js";
import { makeTree, randomTree, type Shape } from "./random-tree.js";

const RUNS = Number(process.env["BINARYFS_RANDOM_TREES"] ?? 500);

/** Seeds whose trees once failed: tried first in every run. A new failure is added by itself. */
const SEEDS = join(import.meta.dirname, "failing-seeds.json");
interface FailingSeed {
  readonly seed: number;
  readonly path: string;
}
const failingSeeds = JSON.parse(readFileSync(SEEDS, "utf8")) as readonly FailingSeed[];

/** In memory where possible: a mount waits for its image to reach the disk. */
const scratch = memoryDirectory();

async function judge(tree: ReadonlyMap<string, Shape>): Promise<number> {
  const directory = mkdtempSync(join(scratch, "binaryfs-judges-"));
  const [source, image, mountPoint] = ["source", "image", "mount"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  try {
    mkdirSync(source);
    const made = makeTree(source, tree);
    for (const layout of ["compact", "stable"] as const) {
      await writeImage(image, { root: source }, layout);
      expect(fsck(image)).toContain(FSCK_CLEAN);
      if (!canMount) continue;
      const { nodes, differences } = withMounted(image, mountPoint, () => compareTrees(source, mountPoint));
      expect(differences).toEqual([]);
      expect(nodes).toBe(made + 1);
    }
    return made;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test.skipIf(!hasTool("fsck.erofs"))(
  `fsck.erofs finds no errors in images of ${RUNS} random trees in both layouts${canMount ? ", and the kernel reads them back equal" : ""}`,
  async () => {
    let nodes = 0;
    const property = () =>
      fc.asyncProperty(randomTree, async (tree) => {
        nodes += await judge(tree);
      });
    for (const { seed, path } of failingSeeds) await fc.assert(property(), { seed, path, endOnFailure: true });
    const before = nodes;
    const result = await fc.check(property(), { numRuns: RUNS });
    if (result.failed && result.counterexamplePath !== null) {
      const failed = { seed: result.seed, path: result.counterexamplePath };
      writeFileSync(SEEDS, `${JSON.stringify([...failingSeeds, failed], null, 2)}\n`);
    }
    if (result.failed) throw new Error(fc.defaultReportMessage(result) ?? "failed", { cause: result.errorInstance });
    expect(result.numRuns).toBe(RUNS);
    expect(nodes - before).toBeGreaterThanOrEqual(RUNS);
  },
  600_000 + RUNS * 5_000,
);

if (!canMount) {
  test("the kernel reads random trees back equal", (context) => {
    context.skip("mounting needs root and a kernel with EROFS");
  });
}
