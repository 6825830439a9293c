/** How little a build does: what is serialized, read and written after small changes of a tree of 5,000 files. */

import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import { contentOf } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  diskBytes,
  fingerprintOf,
  makePlace,
  type Place,
  problemsOf,
  settleClock,
} from "../support/incremental.js";

const BLOCK = 4096;
const FILES = 5000;

let place: Place;
let options: BuildOptions;
let report: BuildReport;

const file = (index: number): string => join(place.root, `d${index % 50}`, `f${index}`);
const sizeOf = (index: number): number => 500 + ((index * 7919) % 7000);

/** Without what is too young to tell. */
async function settledBuild(): Promise<BuildReport> {
  await settleClock();
  return built(options);
}
const rebuild = async (): Promise<BuildReport> => {
  report = await built(options);
  return report;
};

beforeAll(async () => {
  place = makePlace("no-work");
  for (let index = 0; index < 50; index++) mkdirSync(join(place.root, `d${index}`));
  for (let index = 0; index < FILES; index++) writeFileSync(file(index), contentOf(sizeOf(index), index | 1));
  writeFileSync(join(place.root, "chunked"), contentOf(3 * 1024 * 1024 + 5000, 1));
});
afterAll(() => place.remove());

beforeEach(async () => {
  options = { root: place.root, output: place.output, state: place.state };
  await settledBuild();
});
afterEach(async () => {
  expect(await differencesFromClean(report, place, options)).toEqual([]);
});

test("nothing changed: up to date, nothing emitted, the library is not touched", async () => {
  await built(options);
  const before = fingerprintOf(place.output);
  for (let round = 0; round < 2; round++) {
    expect(await rebuild()).toMatchObject({
      upToDate: true,
      method: "none",
      emittedBytes: 0,
      segmentsEmitted: 0,
      sourceBytes: 0,
      storeHits: 0,
    });
    expect(report.segmentsTotal).toBeGreaterThan(10);
    expect(fingerprintOf(place.output)).toBe(before);
  }
});

test("touching a file writes the block of its inode and that of the header, and reads no content to be written", async () => {
  utimesSync(file(17), 1, 1_000_000);
  expect(await rebuild()).toMatchObject({ upToDate: false, sourceBytes: 0, emittedBytes: 2 * BLOCK });
});

test("changing a mode, likewise", async () => {
  chmodSync(file(18), 0o640);
  expect(await rebuild()).toMatchObject({ upToDate: false, sourceBytes: 0, emittedBytes: 2 * BLOCK });
});

test("touching a file of several chunks, likewise", async () => {
  utimesSync(join(place.root, "chunked"), 1, 1_000_000);
  expect(await rebuild()).toMatchObject({ upToDate: false, sourceBytes: 0, emittedBytes: 2 * BLOCK });
});

test("touching under a policy that sets all times changes nothing", async () => {
  options = { ...options, mtime: { kind: "set", epochSeconds: 0 } };
  await settledBuild();
  const before = fingerprintOf(place.output);
  utimesSync(file(19), 1, 1_000_000);
  expect(await rebuild()).toMatchObject({ upToDate: true, emittedBytes: 0, sourceBytes: 0 });
  expect(fingerprintOf(place.output)).toBe(before);
  expect(await rebuild()).toMatchObject({ upToDate: true });
});

test.each([20, 21, 22, 23, 24])(
  "a same-size edit (file %i) writes the file, its inode and the header",
  async (index) => {
    const bytes = readFileSync(file(index));
    bytes[5] = (bytes[5] as number) ^ 0xff;
    writeFileSync(file(index), bytes);
    await rebuild();
    expect(report.emittedBytes).toBeLessThanOrEqual((Math.ceil(bytes.length / BLOCK) + 2) * BLOCK);
    expect(report.sourceBytes).toBeLessThanOrEqual(bytes.length);
    expect(report.upToDate).toBe(false);
  },
);

test("one byte of a large file writes one chunk at most", async () => {
  const bytes = readFileSync(join(place.root, "chunked"));
  bytes[2_000_000] = 0;
  writeFileSync(join(place.root, "chunked"), bytes);
  await rebuild();
  expect(report.emittedBytes).toBeLessThanOrEqual((1 << 20) + 2 * BLOCK);
});

test("a file that has its earlier content again comes from the store", async () => {
  const old = readFileSync(file(30));
  writeFileSync(file(30), contentOf(old.length, 77_777));
  await settledBuild();
  writeFileSync(file(30), old);
  expect(await rebuild()).toMatchObject({ upToDate: false, sourceBytes: 0 });
  expect(report.storeHits).toBeGreaterThan(0);
});

test("so does a chunk", async () => {
  const path = join(place.root, "chunked");
  const old = readFileSync(path);
  const changed = Buffer.from(old);
  changed.fill(0xee, 1_100_000, 1_200_000);
  writeFileSync(path, changed);
  await settledBuild();
  writeFileSync(path, old);
  expect(await rebuild()).toMatchObject({ upToDate: false, sourceBytes: 0 });
  expect(report.storeHits).toBeGreaterThan(0);
});

test.each([
  ["in one directory", 50],
  ["all over the tree", 137],
])("switching a branch back and forth, its files %s, serializes nothing a second time", async (_, step) => {
  const changed = Array.from({ length: 36 }, (_, index) => (index * step + 7) % FILES);
  const gone = join(place.root, "d7", "only-on-main");
  const come = join(place.root, "d7", "only-on-branch");
  const switchTo = (branch: "main" | "branch"): void => {
    const isMain = branch === "main";
    for (const index of changed)
      writeFileSync(
        file(index),
        contentOf(sizeOf(index) + (isMain ? 0 : index % 90), isMain ? index | 1 : index * 3 + 1),
      );
    writeFileSync(isMain ? gone : come, contentOf(3000, 5));
    rmSync(isMain ? come : gone, { force: true });
  };
  switchTo("main");
  await settledBuild();
  switchTo("branch");
  const forth = await settledBuild();
  expect(forth.sourceBytes).toBeGreaterThan(0);
  switchTo("main");
  await settledBuild();
  const emitted: number[] = [];
  for (const branch of ["branch", "main", "branch"] as const) {
    switchTo(branch);
    await rebuild();
    expect({ branch, sourceBytes: report.sourceBytes }).toEqual({ branch, sourceBytes: 0 });
    expect(report.storeHits).toBeGreaterThan(0);
    emitted.push(report.emittedBytes);
    await settledBuild();
  }
  expect(Math.max(...emitted)).toBeLessThanOrEqual(8 << 20);
});

const small = (name: string): string => join(place.root, "d3", name);
test.each<[string, () => void]>([
  ["adding a small file", () => writeFileSync(small("new"), contentOf(8000, 1))],
  ["renaming it", () => renameSync(small("new"), small("newer"))],
  ["moving it", () => renameSync(small("newer"), join(place.root, "d4", "newest"))],
  ["removing it", () => unlinkSync(join(place.root, "d4", "newest"))],
  ["a symlink", () => symlinkSync("f3", small("link"))],
  ["a hard link", () => linkSync(file(3), small("hard"))],
  ["removing a hard link", () => unlinkSync(small("hard"))],
  ["a block more", () => appendFileSync(file(103), contentOf(5000, 3))],
  ["a small file in ROOT", () => writeFileSync(join(place.root, "top"), "1")],
])("%s rewrites 8 MiB at most", async (_, edit) => {
  edit();
  await rebuild();
  expect(report.upToDate).toBe(false);
  expect(report.emittedBytes).toBeLessThanOrEqual(8 << 20);
  expect(report.sourceBytes).toBeLessThanOrEqual(2 << 20);
  expect(problemsOf(place.output)).toEqual([]);
});

test("library, spare and store together take 2.3 images at most after 20 edits", async () => {
  for (let round = 0; round < 20; round++) {
    for (let index = round; index < FILES; index += 211) {
      writeFileSync(file(index), contentOf(sizeOf(index) + (round % 3) * 100, index * 31 + round));
    }
    await rebuild();
  }
  const store = join(place.state, "store");
  const spares = readdirSync(place.state).filter((name) => name.endsWith(".spare"));
  const kept = spares.map((name) => join(place.state, name));
  const together = diskBytes(place.output, store, ...kept, join(place.output, "..", ".binaryfs-lib.so"));
  expect(together).toBeLessThanOrEqual(2.3 * diskBytes(place.output));
});
