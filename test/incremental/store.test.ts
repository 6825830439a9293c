/** The content store as builds use it: damage is noticed and mended, `cache` shows, trims and empties it, and the library never depends on it. */

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import { contentOf } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  flip,
  makePlace,
  type Place,
  settleClock,
  storeFiles,
} from "../support/incremental.js";

const cli = join(import.meta.dirname, "../../dist/bin/main.js");
const FILES = 16;

let place: Place;
let options: BuildOptions;
beforeEach(async () => {
  place = makePlace("store");
  options = { root: place.root, output: place.output, state: place.state };
  for (let index = 0; index < FILES; index++) writeFileSync(file(index), content(index, 0));
  await settleClock();
  await built(options);
});
afterEach(() => place.remove());

const file = (index: number): string => join(place.root, `f${index}`);
/** A chunk of its own, without zeros in it. */
const content = (index: number, generation: number): Buffer =>
  contentOf((1 << 20) + 1 + index, generation * 64 + index * 4 + 1);
async function switchTo(generation: number): Promise<BuildReport> {
  for (const index of [0, 1]) writeFileSync(file(index), content(index, generation));
  await settleClock();
  const report = await built(options);
  expect(await differencesFromClean(report, place, options)).toEqual([]);
  return report;
}
const cache = (...args: string[]): Record<string, unknown> => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cli, "cache", ...args, "--state", place.state, "--json"],
    { encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Record<string, unknown>;
};

test("what left the library comes back from the store", async () => {
  expect((await switchTo(1)).sourceBytes).toBeGreaterThan(2 << 20);
  expect(await switchTo(0)).toMatchObject({ sourceBytes: 0, storeHits: expect.any(Number) });
  expect(await switchTo(1)).toMatchObject({ sourceBytes: 0 });
});

test.each<[string, (path: string, index: number) => void]>([
  ["a changed byte", (path, index) => flip(path, index * 977)],
  ["nothing in it", (path) => truncateSync(path, 0)],
  ["half of it", (path) => truncateSync(path, readFileSync(path).length >> 1)],
  ["something else", (path) => writeFileSync(path, "something else")],
  ["nothing in its place", (path) => rmSync(path)],
])("an entry with %s is noticed: the files are read instead, and the entry is made again", async (_, damage) => {
  await switchTo(1);
  const before = storeFiles(place.state);
  expect(before.length).toBeGreaterThan(0);
  for (const [index, path] of before.entries()) damage(path, index);
  const report = await switchTo(0);
  expect(report.storeHits).toBe(0);
  expect(report.sourceBytes).toBeGreaterThan(2 << 20);
  expect(await switchTo(1)).toMatchObject({ sourceBytes: 0 });
  expect(await switchTo(0)).toMatchObject({ sourceBytes: 0 });
});

test("entries that change places are noticed", async () => {
  await switchTo(1);
  const blobs = storeFiles(place.state).filter((path) => path.includes("/cas/"));
  expect(blobs.length).toBeGreaterThan(1);
  const contents = blobs.map((path) => readFileSync(path));
  for (const [index, path] of blobs.entries()) writeFileSync(path, contents[(index + 1) % blobs.length] as Buffer);
  expect((await switchTo(0)).storeHits).toBe(0);
});

test("another output with the same state directory finds what the first one kept", async () => {
  await switchTo(1);
  const output = join(place.directory, "out", "other.so");
  const other: BuildOptions = { ...options, output };
  await built(other);
  for (const index of [0, 1]) writeFileSync(file(index), content(index, 0));
  const report = await built(other);
  expect(report).toMatchObject({ sourceBytes: 0 });
  expect(await differencesFromClean(report, { ...place, output }, other)).toEqual([]);
});

test("cache stats, gc and clear count, trim and empty it; builds go on", async () => {
  expect(cache("stats")).toMatchObject({ event: "cache", action: "stats", entries: 0, bytes: 0 });
  await switchTo(1);
  await switchTo(2);
  const full = cache("stats") as { entries: number; bytes: number; oldest: string };
  expect(full.entries).toBeGreaterThan(1);
  expect(full.bytes).toBeGreaterThan(2 << 20);
  expect(new Date(full.oldest).getTime()).toBeGreaterThan(0);
  const trimmed = cache("gc", "--limit", "1M") as { entries: number; bytes: number; removedBytes: number };
  expect(trimmed.bytes).toBeLessThanOrEqual(1 << 20);
  expect(trimmed.removedBytes).toBe(full.bytes - trimmed.bytes);
  await switchTo(0);
  expect(cache("clear")).toMatchObject({ entries: 0, bytes: 0 });
  expect(storeFiles(place.state)).toEqual([]);
  // The state went as well: a build from nothing, and one that keeps what leaves.
  expect(await switchTo(1)).toMatchObject({ method: "new" });
  await switchTo(0);
  expect(await switchTo(1)).toMatchObject({ sourceBytes: 0 });
});
