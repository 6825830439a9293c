/** Libraries in the stable layout, with many packs, chunks and slots and after incremental builds, before independent judges: fsck.erofs, and where root the kernel. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { NATIVE_HEAD_BYTES } from "../../src/link/native.js";
import { compareTrees } from "../support/compare-trees.js";
import { contentOf, EditedTree, randomEdit, randomNumbers } from "../support/editing.js";
import { canMount, FSCK_CLEAN, fsck, hasTool, withMounted } from "../support/images.js";
import { built, makePlace, type Place, problemsOf } from "../support/incremental.js";

const TREES = 30;
const seed = Number(process.env["BINARYFS_JUDGES_SEED"] ?? Date.now() % 1e9);
const hasFsck = hasTool("fsck.erofs");

let place: Place;
let options: BuildOptions;
beforeEach(() => {
  place = makePlace("stable-judges");
  options = { root: place.root, output: place.output, state: place.state, secrets: "warn" };
});
afterEach(() => place.remove());

/** Everything that is judged of the library as it is. */
function judge(what: object): void {
  expect({ ...what, problems: problemsOf(place.output) }).toEqual({ ...what, problems: [] });
  const image = join(place.directory, "image");
  writeFileSync(image, readFileSync(place.output).subarray(NATIVE_HEAD_BYTES));
  if (hasFsck) expect(fsck(image)).toContain(FSCK_CLEAN);
  if (!canMount) return;
  const mountPoint = join(place.directory, "mount");
  const { nodes, differences } = withMounted(image, mountPoint, () => compareTrees(place.root, mountPoint));
  expect({ ...what, differences }).toEqual({ ...what, differences: [] });
  expect(nodes).toBeGreaterThan(0);
}

test.skipIf(!hasFsck)(`${TREES} trees, each after some incremental builds (seed ${seed})`, async () => {
  const random = randomNumbers(seed);
  for (let round = 0; round < TREES; round++) {
    place.remove();
    place = makePlace("stable-judges");
    options = { ...options, root: place.root, output: place.output, state: place.state };
    const tree = EditedTree.neverEmpty(place.root);
    for (let generation = 0; generation < 4; generation++) {
      const edits = generation === 0 ? 40 : 6;
      for (let edit = 0; edit < edits; edit++) tree.apply(randomEdit(random, 3 << 20));
      await built(options);
    }
    judge({ seed, round });
  }
});

test.skipIf(!hasFsck)("a tree of several slots, with directories of many names and files of many chunks", async () => {
  const edit = { kind: "add", pick: 0, other: 1, sizeBytes: 0, seed: 0 } as const;
  const tree = new EditedTree(place.root);
  for (let index = 0; index < 700; index++) tree.makeDirectory({ ...edit, pick: index * 3, seed: index });
  for (let index = 0; index < 2500; index++) {
    tree.add({ ...edit, pick: index * 13, seed: index, sizeBytes: (index * 7919) % 20_000 });
  }
  const crowded = join(place.root, "crowded");
  mkdirSync(crowded);
  for (let index = 0; index < 3000; index++) writeFileSync(join(crowded, `${index}-${"n".repeat(index % 200)}`), "");
  writeFileSync(join(place.root, "chunked"), contentOf(7_000_001, 1));
  writeFileSync(join(place.root, "sparse"), contentOf(9 << 20, 4));
  for (let generation = 0; generation < 3; generation++) {
    await built(options);
    judge({ generation });
    for (let index = generation; index < 3000; index += 7) {
      writeFileSync(join(crowded, `new ${generation} ${index}`), contentOf(index, index));
    }
    writeFileSync(join(place.root, "chunked"), contentOf(7_000_001 - generation * 2_000_000, generation));
    tree.rename({ ...edit, pick: 50 * generation, other: 3 });
  }
});
