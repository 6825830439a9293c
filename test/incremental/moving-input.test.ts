/** Trees that change while they are packed, and file systems that are full: the old library stays, whole, and the next build is right. */

import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../src/build.js";
import type { BuildOptions } from "../../src/engine/options.js";
import { contentOf } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  diskBytes,
  makePlace,
  type Place,
  problemsOf,
  settleClock,
  strayNames,
} from "../support/incremental.js";

let place: Place;
let options: BuildOptions;
beforeEach(() => {
  place = makePlace("moving");
  options = { root: place.root, output: place.output, state: place.state };
});
afterEach(() => place.remove());

const FILES = 12;
const file = (index: number): string => join(place.root, `f${index}`);
/** Each a segment and more. */
function fill(seed: number): void {
  for (let index = 0; index < FILES; index++) writeFileSync(file(index), contentOf(1_200_000, seed * 64 + index));
}

/** Called whenever the engine asks whether it is to stop: between batches that are read and written. */
function signalThatCalls(act: () => void): AbortSignal {
  const { signal } = new AbortController();
  Object.defineProperty(signal, "aborted", {
    get: () => {
      act();
      return false;
    },
  });
  return signal;
}

async function isIntact(before: Buffer): Promise<void> {
  expect(readFileSync(place.output).equals(before)).toBe(true);
  expect(problemsOf(place.output)).toEqual([]);
  expect(strayNames(place)).toEqual([]);
}

describe.each<[string, (index: number) => void]>([
  ["grows", (index) => appendFileSync(file(index), "x")],
  [
    "is written to, its size as before",
    (index) => writeFileSync(file(index), contentOf(1_200_000, Math.random() * 1e6)),
  ],
  [
    "vanishes and comes again",
    (index) => {
      const content = readFileSync(file(index));
      rmSync(file(index));
      writeFileSync(file(index), content);
    },
  ],
])("a file that %s while it is packed", (_, move) => {
  /** The last ones in every order of segments: each batch but the first finds its file moved. */
  const moveAll = (): void => {
    for (let index = 0; index < FILES; index++) move(index);
  };

  test("is input-changed for a build from nothing", async () => {
    fill(1);
    await built(options);
    const before = readFileSync(place.output);
    fill(2);
    rmSync(place.state, { recursive: true });
    const signal = signalThatCalls(moveAll);
    expect(await build({ ...options, threads: 1, signal })).toMatchObject({ error: { code: "input-changed" } });
    await isIntact(before);
    expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
  });

  test("is input-changed for an incremental build", async () => {
    fill(1);
    await built(options);
    const before = readFileSync(place.output);
    fill(2);
    const signal = signalThatCalls(moveAll);
    expect(await build({ ...options, threads: 1, signal })).toMatchObject({ error: { code: "input-changed" } });
    await isIntact(before);
    const after = await built(options);
    expect(after.method).not.toBe("new");
    expect(await differencesFromClean(after, place, options)).toEqual([]);
    await settleClock();
    expect(await built(options)).toMatchObject({ upToDate: true });
  });
});

test("a tree that moves once has a second chance", async () => {
  fill(1);
  await built(options);
  fill(2);
  let calls = 0;
  // Later calls are of the second attempt, or too late to matter.
  const signal = signalThatCalls(() => {
    if (calls++ === 0) for (let index = 0; index < FILES; index++) utimesSync(file(index), 1, 1);
  });
  const report = await built({ ...options, threads: 1, signal });
  expect(calls).toBeGreaterThan(1);
  expect(await differencesFromClean(report, place, options)).toEqual([]);
});

describe("a full file system", () => {
  let small: string;
  beforeEach((context) => {
    small = join(place.directory, "small");
    mkdirSync(small);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", small]);
    if (mounted.status !== 0) context.skip("only root may mount a small file system");
    place = { ...place, output: join(small, "lib.so"), state: join(small, "state") };
    options = { ...options, output: place.output, state: place.state };
  });
  afterEach(() => {
    spawnSync("umount", [small]);
  });

  const strays = (): string[] => strayNames(place).filter((name) => name !== "state");

  test.each(["state", "no state"])(
    "is no-space, and the old library stays; with space again the build goes on (%s)",
    async (kept) => {
      if (kept === "no state") options = { ...options, state: false };
      writeFileSync(file(0), contentOf(3 << 20, 1));
      await built(options);
      const before = readFileSync(place.output);
      const usedBytes = diskBytes(small);
      writeFileSync(file(1), contentOf(30 << 20, 2));
      writeFileSync(file(0), contentOf(3 << 20, 5));
      expect(await build(options)).toMatchObject({ error: { code: "no-space", path: Buffer.from(place.output) } });
      expect(readFileSync(place.output).equals(before)).toBe(true);
      expect(strays()).toEqual([]);
      expect(diskBytes(small)).toBeLessThanOrEqual(usedBytes + 65_536);
      rmSync(file(1));
      writeFileSync(file(0), contentOf(3 << 20, 3));
      expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
      expect(strays()).toEqual([]);
    },
  );

  test("has no room for a spare or a store: updates go on, at the cost of a copy or from nothing", async () => {
    for (let index = 0; index < 7; index++) writeFileSync(file(index), contentOf(1 << 20, index | 1));
    await built(options);
    const others = join(small, "others");
    for (let round = 0; round < 6; round++) {
      writeFileSync(others, "");
      fillUp(others);
      writeFileSync(file(round), contentOf((1 << 20) - round, round * 4 + 3));
      const tight = await build(options);
      if (!tight.ok) expect(tight.error.code).toBe("no-space");
      expect(problemsOf(place.output)).toEqual([]);
      rmSync(others);
      expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
      expect(strays().filter((name) => name !== "others")).toEqual([]);
    }
  });
});

/** Takes what is left of a file system. */
function fillUp(path: string): void {
  for (let bytes = 1 << 20; bytes >= 4096; bytes >>= 1) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(bytes, 1));
    } catch {
      // Smaller pieces may still fit.
    }
  }
}
