/** Sessions that stay open: threads, roots that are exchanged, failures in between, readers and idle work. */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { build } from "../../src/build.js";
import type { BuildOptions } from "../../src/engine/options.js";
import { Session } from "../../src/engine/session.js";
import { contentOf } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  fingerprintOf,
  makePlace,
  type Place,
  settleClock,
  strayNames,
  unwrap,
} from "../support/incremental.js";

let place: Place;
let options: BuildOptions;
let session: Session | undefined;
beforeEach(() => {
  place = makePlace("sessions");
  options = { root: place.root, output: place.output, state: place.state };
});
afterEach(async () => {
  await session?.close();
  session = undefined;
  place.remove();
});

const file = (index: number): string => join(place.root, `f${index}`);
const guest = (index: number): Buffer => Buffer.from(`/f${index}`);

async function open(): Promise<Session> {
  session = unwrap(await Session.open(options));
  return session;
}

test("an update of many segments by threads gives what one thread gives", async () => {
  const files = 70;
  for (let index = 0; index < files; index++) writeFileSync(file(index), contentOf(1_300_000, index));
  options = { ...options, threads: 3 };
  const one = await open();
  unwrap(await one.update("all"));
  for (let index = 0; index < files; index++) writeFileSync(file(index), contentOf(1_300_000 - index * 100, index + 1));
  const report = unwrap(await one.update("all"));
  expect(report.method).not.toBe("new");
  expect(report.segmentsEmitted).toBeGreaterThan(files);
  expect(await differencesFromClean(report, place, options)).toEqual([]);
});

test("a root that vanishes is an error, and one that is made again is packed", async () => {
  writeFileSync(file(1), "one");
  const one = await open();
  unwrap(await one.update("all"));
  const before = fingerprintOf(place.output);
  renameSync(place.root, `${place.root}.old`);
  expect(await one.update("all")).toMatchObject({ error: { code: "root-missing" } });
  expect(await one.update({ directories: [Buffer.from("/")], files: [guest(1)] })).toMatchObject({ ok: false });
  expect(fingerprintOf(place.output)).toBe(before);
  mkdirSync(place.root);
  writeFileSync(file(2), "two");
  const report = unwrap(await one.update({ directories: [Buffer.from("/")], files: [] }));
  expect(await differencesFromClean(report, place, options)).toEqual([]);
  rmSync(place.root, { recursive: true });
  renameSync(`${place.root}.old`, place.root);
  expect(await differencesFromClean(unwrap(await one.update("all")), place, options)).toEqual([]);
});

test("what a report says of changed paths is what changed", async () => {
  for (let index = 0; index < 9; index++) writeFileSync(file(index), contentOf(index * 100, index));
  mkdirSync(join(place.root, "sub"));
  writeFileSync(join(place.root, "sub", "below"), "1");
  const one = await open();
  expect(unwrap(await one.update("all")).changed).toEqual([]);
  await settleClock();
  unwrap(await one.update("all"));
  const paths = async (): Promise<string[]> => unwrap(await one.update("all")).changed.map(String);
  writeFileSync(file(3), "other");
  expect(await paths()).toEqual(["/f3"]);
  rmSync(file(4));
  writeFileSync(file(40), "new");
  expect(await paths()).toEqual(["/", "/f4", "/f40"]);
  renameSync(join(place.root, "sub"), join(place.root, "moved"));
  const { directories, changed } = unwrap(await one.update("all"));
  expect(changed.map(String)).toEqual(["/", "/moved", "/moved/below", "/sub", "/sub/below"]);
  expect(directories?.added.map(String)).toEqual(["/moved"]);
  expect(directories?.removed.map(String)).toEqual(["/sub"]);
});

test("idle work can be broken off at any time, and what was left is right", async () => {
  place.remove();
  place = makePlace("sessions", tmpdir());
  options = { ...options, root: place.root, output: place.output, state: place.state };
  for (let index = 0; index < 30; index++) writeFileSync(file(index), contentOf(1_200_000, index));
  const one = await open();
  unwrap(await one.update("all"));
  for (let round = 0; round < 12; round++) {
    for (let index = round; index < 30; index += 5)
      writeFileSync(file(index), contentOf(1_200_000, round * 64 + index));
    const report = unwrap(
      await one.update({ directories: [], files: Array.from({ length: 30 }, (_, index) => guest(index)) }),
    );
    const stop = new AbortController();
    const idle = one.idle(stop.signal);
    // After so many turns of the event loop.
    for (let turn = 0; turn < round * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await idle;
    expect({ round, differences: await differencesFromClean(report, place, options) }).toEqual({
      round,
      differences: [],
    });
  }
  await one.close();
  expect(strayNames(place)).toEqual([]);
  writeFileSync(file(0), "last");
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
});

test("an update that fails is no obstacle to the next one", async () => {
  for (let index = 0; index < 20; index++) writeFileSync(file(index), contentOf(1_200_000, index));
  const one = await open();
  unwrap(await one.update("all"));
  await one.idle(new AbortController().signal);
  const before = readFileSync(place.output);
  for (let round = 1; round < 5; round++) {
    const stop = new AbortController();
    const { signal } = stop;
    const failing = unwrap(await Session.open({ ...options, signal }));
    for (let index = 0; index < 20; index++) writeFileSync(file(index), contentOf(1_200_000, round * 64 + index));
    let asked = 0;
    Object.defineProperty(signal, "aborted", { get: () => ++asked > round * 2 });
    expect(await failing.update("all")).toMatchObject({ error: { code: "interrupted" } });
    await failing.close();
    expect(readFileSync(place.output).equals(before)).toBe(true);
  }
  const report = unwrap(await one.update("all"));
  expect(await differencesFromClean(report, place, options)).toEqual([]);
  expect(strayNames(place)).toEqual([]);
});

test("no descriptor is left open by builds that succeed, find nothing, or fail", async () => {
  const count = (): number => readdirSync("/proc/self/fd").length;
  for (let index = 0; index < 9; index++) writeFileSync(file(index), contentOf(1_200_000, index));
  await built(options);
  const before = count();
  for (let round = 0; round < 6; round++) {
    writeFileSync(file(round), contentOf(1_200_000, round + 64));
    await built(options);
    await built(options);
    rmSync(place.state, { recursive: true });
    await built(options);
    writeFileSync(file(round), contentOf(1_200_000, round + 128));
    expect(await build({ ...options, signal: AbortSignal.abort() })).toMatchObject({ ok: false });
    expect(await build({ ...options, rules: [{ kind: "include", pattern: "/none" }] })).toMatchObject({ ok: false });
    let asked = 0;
    const { signal } = new AbortController();
    Object.defineProperty(signal, "aborted", { get: () => ++asked > round });
    await build({ ...options, signal });
  }
  expect(count()).toBe(before);
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
});

test("a library that is made anew within a session follows what ignore files say now", async () => {
  for (let index = 0; index < 3; index++) writeFileSync(file(index), contentOf(500, index));
  const ignoreFile = join(place.directory, "ignore");
  writeFileSync(ignoreFile, "f0\n");
  options = { ...options, ignoreFiles: [ignoreFile] };
  const one = await open();
  unwrap(await one.update("all"));
  for (const [pattern, hints] of [
    ["f1\n", "all"],
    ["f2\n", { directories: [], files: [guest(1)] }],
  ] as const) {
    writeFileSync(ignoreFile, pattern);
    rmSync(place.output);
    const report = unwrap(await one.update(hints));
    expect(report.method).toBe("new");
    expect(await differencesFromClean(report, place, options)).toEqual([]);
  }
});
