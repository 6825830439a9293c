/**
 * Builds that are killed outright, at any instant: the library is a whole generation, the next build is right, and nothing stray is left.
 *
 * `BINARYFS_KILLS=200` is the long form; `BINARYFS_KILL_SEED=N` repeats the edits and instants of a run, as far as the machine does.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { openImage } from "../../src/inspect/open-image.js";
import { verify } from "../../src/inspect/verify.js";
import { EditedTree, randomEdit, randomNumbers } from "../support/editing.js";
import { built, differencesFromClean, makePlace, type Place, strayNames, unwrap } from "../support/incremental.js";

const KILLS = Number(process.env["BINARYFS_KILLS"] ?? 40);
const SEED = Number(process.env["BINARYFS_KILL_SEED"] ?? Date.now() % 1e9);
const CHECKED_EVERY = 10;

const cli = join(import.meta.dirname, "../../dist/bin/main.js");

let place: Place;
beforeAll(() => {
  place = makePlace("kill", tmpdir());
});
afterAll(() => place.remove());

const args = (output: string, ...state: string[]): string[] => [cli, "build", place.root, "-o", output, ...state];
const start = (): ChildProcess =>
  spawn(process.execPath, args(place.output, "--state", place.state), { stdio: ["ignore", "ignore", "pipe"] });

async function ended(child: ChildProcess): Promise<string | null> {
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal;
}

/** Digest of a library that is what it says. */
function digestOf(library: string): string {
  const image = unwrap(openImage(Buffer.from(library)));
  try {
    const { digest, problems } = unwrap(verify(image));
    expect(problems).toEqual([]);
    return digest;
  } finally {
    image.close();
  }
}

test(
  `killed with SIGKILL at ${KILLS} random instants (seed ${SEED}), a build leaves a whole generation`,
  async () => {
    const random = randomNumbers(SEED);
    const options: BuildOptions = { root: place.root, output: place.output, state: place.state, secrets: "warn" };
    const tree = EditedTree.neverEmpty(place.root);
    const first = { kind: "add", pick: 0, other: 1, sizeBytes: 0, seed: 0 } as const;
    for (let index = 0; index < 8; index++) tree.makeDirectory({ ...first, pick: index, seed: index });
    for (let index = 0; index < 300; index++)
      tree.add({ ...first, pick: index, seed: index, sizeBytes: (index * 7919) % 30_000 });
    for (let index = 0; index < 3; index++) tree.add({ ...first, pick: index, seed: index, sizeBytes: 1_500_000 });
    let standing = (await built(options)).digest;
    const buildsRight = async (what: object): Promise<void> => {
      const report = await built(options);
      const differences = await differencesFromClean(report, place, options);
      expect({ ...what, differences }).toEqual({ ...what, differences: [] });
      standing = report.digest;
    };
    /** Temporaries of the dead go with the next process that writes. */
    const leavesNothing = async (what: { readonly seed: number; readonly round: number }): Promise<void> => {
      tree.add({ ...first, pick: what.round, seed: what.round, sizeBytes: 100 });
      expect(await ended(start())).toBe(null);
      expect({ ...what, strays: strayNames(place) }).toEqual({ ...what, strays: [] });
      await buildsRight(what);
    };
    /** How long a build takes here and now: the instants are spread over that and a little more. */
    let wholeMs = 0;
    const measured = async (child: ChildProcess): Promise<string | null> => {
      const started = performance.now();
      const signal = await ended(child);
      if (signal === null) wholeMs = (performance.now() - started) * 1.1;
      return signal;
    };
    let killed = 0;
    const outcomes = { old: 0, new: 0 };
    for (let round = 0; round < KILLS || killed <= KILLS / 4; round++) {
      const edits = 1 + random(3);
      for (let edit = 0; edit < edits; edit++) tree.apply(randomEdit(random, 2 << 20));
      rmSync(place.clean, { force: true });
      const next = await built({ ...options, output: place.clean, state: false, threads: 1 });
      if (round % 20 === 0)
        await measured(spawn(process.execPath, args(place.clean, "--no-state"), { stdio: "ignore" }));
      const child = start();
      const timer = setTimeout(() => child.kill("SIGKILL"), (wholeMs * random(1000)) / 1000);
      // One that was done before says how long builds take by now.
      const signal = await measured(child);
      clearTimeout(timer);
      if (signal === "SIGKILL") killed++;
      const found = digestOf(place.output);
      const what = { seed: SEED, round };
      expect({ ...what, isKnown: [standing, next.digest].includes(found) }).toEqual({ ...what, isKnown: true });
      outcomes[found === next.digest ? "new" : "old"]++;
      standing = found;
      if (round % 3 === 2) continue; // The next one builds upon what the killed one left.
      await buildsRight(what);
      if (round % CHECKED_EVERY === 0) await leavesNothing(what);
    }
    await leavesNothing({ seed: SEED, round: KILLS });
    expect(existsSync(place.output)).toBe(true);
    process.stdout.write(`killed ${killed} of ${KILLS}: ${outcomes.old} old, ${outcomes.new} new generations\n`);
  },
  600_000 + KILLS * 40_000,
);
