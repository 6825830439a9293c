/**
 * A tree of several packs, chunks and slots (2,000 small files and some of 1–5 MiB), edited at random step by step on a disk.
 *
 * `BINARYFS_MEDIUM_STEPS=N` sets the number of steps, `BINARYFS_MEDIUM_SEED=N` repeats a run.
 */

import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { Session } from "../../src/engine/session.js";
import { EditedTree, randomEdit, randomNumbers } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  makePlace,
  problemsOf,
  settleClock,
  strayNames,
  unwrap,
} from "../support/incremental.js";

const STEPS = Number(process.env["BINARYFS_MEDIUM_STEPS"] ?? 100);
const SEED = Number(process.env["BINARYFS_MEDIUM_SEED"] ?? Date.now() % 1e9);
const COMPARED_EVERY = 4;
const SMALL_FILES = 2000;

function makeTree(root: string): EditedTree {
  const tree = new EditedTree(root, 100);
  const edit = { kind: "add", pick: 0, other: 1, sizeBytes: 0, seed: 0 } as const;
  for (let index = 0; index < 60; index++) tree.makeDirectory({ ...edit, pick: index * 7, seed: index });
  for (let index = 0; index < SMALL_FILES; index++) {
    const sizeBytes = index % 10 === 0 ? (index * 7919) % 60_000 : (index * 104_729) % 9000;
    tree.add({ ...edit, pick: index, seed: index, sizeBytes });
  }
  for (let index = 0; index < 6; index++)
    tree.add({ ...edit, pick: index * 11, seed: index, sizeBytes: (index + 1) * 850_000 });
  return tree;
}

test(`${STEPS} random edits of a medium tree, seed ${SEED}`, async () => {
  const place = makePlace("medium", tmpdir());
  const random = randomNumbers(SEED);
  const options: BuildOptions = { root: place.root, output: place.output, state: place.state, secrets: "warn" };
  let session: Session | undefined;
  let storeHits = 0;
  const methods = new Set<string>();
  try {
    const tree = makeTree(place.root);
    await built(options);
    tree.takeHints();
    for (let step = 1; step <= STEPS; step++) {
      const edits = 1 + random(3);
      for (let index = 0; index < edits; index++) tree.apply(randomEdit(random, 5 << 20));
      if (random(10) === 0) await settleClock();
      // Of three generations of builds some are one long session, some processes that come and go.
      const isSession = random(3) > 0;
      if (!isSession) {
        await session?.close();
        session = undefined;
      }
      const hints = tree.takeHints();
      const isNew = session === undefined;
      if (isSession) session ??= unwrap(await Session.open(options));
      const report = session === undefined ? await built(options) : unwrap(await session.update(isNew ? "all" : hints));
      if (session !== undefined && random(3) === 0) await session.idle(new AbortController().signal);
      methods.add(report.method);
      storeHits += report.storeHits;
      if (step % COMPARED_EVERY !== 0 && step !== STEPS) continue;
      const what = { seed: SEED, step, method: report.method };
      expect({ ...what, differences: await differencesFromClean(report, place, options) }).toEqual({
        ...what,
        differences: [],
      });
      expect({ ...what, strays: strayNames(place) }).toEqual({ ...what, strays: [] });
      if (step % 20 === 0) expect({ ...what, problems: problemsOf(place.output) }).toEqual({ ...what, problems: [] });
    }
    expect(tree.count).toBeGreaterThan(SMALL_FILES / 4);
    expect([...methods].some((method) => method === "spare" || method === "clone")).toBe(true);
    process.stdout.write(`medium tree: ${storeHits} packs or chunks from the store, ${[...methods].join(", ")}\n`);
  } finally {
    await session?.close();
    place.remove();
  }
});
