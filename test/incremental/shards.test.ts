/**
 * Shards that are declared by path (`cuts`): packs of one do not depend on what is in the others, whatever their sizes.
 *
 * `BINARYFS_LAYOUT_SIZES=1` also compares the sizes of both layouts on trees of more than 200 MB.
 */

import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import type { StablePlan } from "../../src/plan/stable.js";
import { planStable } from "../../src/plan/stable.js";
import { select } from "../../src/select/select.js";
import { lookup } from "../../src/tree/paths.js";
import { contentOf, randomNumbers } from "../support/editing.js";
import { built, differencesFromClean, diskBytes, makePlace, type Place, unwrap } from "../support/incremental.js";

const SHARDS = ["a", "b", "c", "d", "e"];
const CUTS = SHARDS.map((name) => `/${name}`);

let place: Place;
beforeEach(() => {
  place = makePlace("shards");
});
afterEach(() => place.remove());

function fill(shard: string, files: number, seed: number): void {
  const directory = join(place.root, shard);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const random = randomNumbers(seed);
  for (let index = 0; index < files; index++) {
    writeFileSync(join(directory, `f${index}`), contentOf(random(30_000), index | 1));
  }
}

/** Names of each pack of a shard, in order. */
function packsOf(plan: StablePlan, shard: string): string[] {
  const { table } = plan.inventory.tree;
  const start = lookup(table, Buffer.from(`/${shard}`)) as number;
  const end = table.end[start] as number;
  const packs: string[] = [];
  for (let pack = 0; pack < plan.packs.count; pack++) {
    const first = plan.packs.start[pack] as number;
    const row = plan.inventory.row[first] as number;
    if (row >= start && row < end) packs.push(`${row - start}`);
  }
  return packs;
}

const plan = (): StablePlan =>
  unwrap(
    planStable(unwrap(select({ root: place.root })), { buildTime: 0, cuts: CUTS.map((path) => Buffer.from(path)) }),
  );

test("packs of a shard stay as they are when other shards change sizes, grow or vanish", () => {
  for (const [index, shard] of SHARDS.entries()) fill(shard, 250, index);
  const before = plan();
  const wanted = packsOf(before, "c");
  expect(wanted.length).toBeGreaterThan(2);
  fill("a", 90, 11);
  fill("b", 400, 12);
  fill("d", 1, 13);
  rmSync(join(place.root, "e"), { recursive: true });
  expect(packsOf(plan(), "c")).toEqual(wanted);
  expect(packsOf(plan(), "b")).not.toEqual(packsOf(before, "b"));
});

test("a shard that changes leaves the content of the others where it is, and the incremental build is the clean one", async () => {
  const options: BuildOptions = { root: place.root, output: place.output, state: place.state, cuts: CUTS };
  for (const [index, shard] of SHARDS.entries()) fill(shard, 250, index);
  await built(options);
  for (let round = 0; round < 4; round++) {
    fill("b", 250, 100 + round);
    const report = await built(options);
    const own = readdirSync(join(place.root, "b"))
      .map((name) => statSync(join(place.root, "b", name)).size)
      .reduce((sum, size) => sum + size, 0);
    // Source files of other shards are not read, even where a pack of theirs found another slot.
    expect(report.sourceBytes).toBeLessThanOrEqual(own);
    expect(await differencesFromClean(report, place, options)).toEqual([]);
  }
});

test.skipIf(process.env["BINARYFS_LAYOUT_SIZES"] === undefined).each<[string, (root: string) => void]>([
  [
    "like Python's",
    (root) => generate(root, 6000, (random) => (random(20) === 0 ? random(1_000_000) : random(40_000))),
  ],
  [
    "like node_modules",
    (root) => generate(root, 40_000, (random) => (random(100) === 0 ? random(400_000) : random(6000))),
  ],
])(
  "on a tree of 200 MB %s the stable layout takes at most 1.25 times the space of the compact one and has 1.6 times its length",
  async (_, make) => {
    place.remove();
    place = makePlace("sizes", tmpdir());
    make(place.root);
    const size = async (layout: "compact" | "stable") => {
      const { imageBytes } = await built({ root: place.root, output: place.output, state: false, layout });
      return { apparent: imageBytes, physical: diskBytes(place.output) };
    };
    const [compact, stable] = [await size("compact"), await size("stable")];
    expect(compact.apparent).toBeGreaterThan(2e8);
    process.stdout.write(
      `physical ${(stable.physical / compact.physical).toFixed(3)}, apparent ${(stable.apparent / compact.apparent).toFixed(3)}\n`,
    );
    expect(stable.physical / compact.physical).toBeLessThanOrEqual(1.25);
    expect(stable.apparent / compact.apparent).toBeLessThanOrEqual(1.6);
  },
);

/** About as many as in real ones. */
const FILES_A_DIRECTORY = 8;

function generate(root: string, files: number, sizeOf: (random: (below: number) => number) => number): void {
  const random = randomNumbers(files);
  for (let index = 0; index < files; index++) {
    const number = Math.floor(index / FILES_A_DIRECTORY);
    const directory = join(root, `p${number % 97}`, `lib${number}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${index}.js`), contentOf(sizeOf(random), index | 1));
  }
}
