/** The state between builds: damaged, of another version, shared, locked, out of reach. The library is right whatever becomes of it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../src/build.js";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import { StateLock } from "../../src/store/lock.js";
import { contentOf, randomNumbers } from "../support/editing.js";
import { hasTool } from "../support/images.js";
import {
  built,
  differencesFromClean,
  fingerprintOf,
  flip,
  makePlace,
  type Place,
  settleClock,
  strayNames,
  unwrap,
} from "../support/incremental.js";

const cli = join(import.meta.dirname, "../../dist/bin/main.js");
const isRoot = process.getuid?.() === 0;

let place: Place;
let options: BuildOptions;
beforeEach(async () => {
  place = makePlace("state");
  for (let index = 0; index < 30; index++) writeFileSync(join(place.root, `f${index}`), contentOf(index * 500, index));
  options = { root: place.root, output: place.output, state: place.state };
  await settleClock();
  await built(options);
});
afterEach(() => place.remove());

function statePath(): string {
  const [name] = readdirSync(place.state).filter((entry) => entry.endsWith(".state"));
  return join(place.state, name as string);
}
const discarded = ({ warnings }: BuildReport): (string | undefined)[] =>
  warnings.filter(({ code }) => code === "state-discarded").map(({ detail }) => detail);

/** What is there is thrown away, says the report, and the build is right; the one after it knows everything again. */
async function isRebuilt(why: RegExp): Promise<void> {
  writeFileSync(join(place.root, "f3"), contentOf(1500, lstatSync(place.output).ino));
  const report = await built(options);
  expect(discarded(report)).toEqual([expect.stringMatching(why)]);
  expect(await differencesFromClean(report, place, options)).toEqual([]);
  expect(strayNames(place)).toEqual([]);
  await settleClock();
  const next = await built(options);
  expect(next).toMatchObject({ upToDate: true, emittedBytes: 0 });
  expect(discarded(next)).toEqual([]);
}

const seed = Date.now() % 1e9;
test(`a truncated state is discarded (seed ${seed})`, async () => {
  const random = randomNumbers(seed);
  const { size } = lstatSync(statePath());
  for (const length of [0, 1, 8, 23, 24, size - 1, ...Array.from({ length: 10 }, () => random(size))]) {
    truncateSync(statePath(), length);
    await isRebuilt(/^(truncated|corrupted)$/);
  }
});

test(`one that is damaged anywhere is discarded (seed ${seed})`, async () => {
  const random = randomNumbers(seed);
  const { size } = lstatSync(statePath());
  for (const at of [0, 8, 9, 12, 16, 24, size - 1, ...Array.from({ length: 25 }, () => random(size))]) {
    flip(statePath(), at);
    await isRebuilt(/^(truncated|corrupted|version)$/);
  }
});

test("one of another format or engine is discarded", async () => {
  const bytes = readFileSync(statePath());
  bytes.writeUInt32LE(bytes.readUInt32LE(8) + 1, 8);
  writeFileSync(statePath(), bytes);
  await isRebuilt(/^version$/);
  writeFileSync(statePath(), "what is this");
  await isRebuilt(/^(truncated|corrupted)$/);
});

test("what is no file, or claims more than memory holds, is discarded", async () => {
  const path = statePath();
  rmSync(path);
  symlinkSync("nowhere", path);
  await isRebuilt(/^corrupted$/);
  expect(lstatSync(path).isFile()).toBe(true);
  const header = readFileSync(path).subarray(0, 24);
  header.writeBigUInt64LE(2n ** 36n, 16);
  writeFileSync(path, header);
  truncateSync(path, 2 ** 36);
  await isRebuilt(/^(corrupted|truncated)$/);
});

test("a library that was moved, copied or exchanged for another one is made anew, and what the state says of it does not count", async () => {
  const elsewhere = `${place.output}.elsewhere`;
  renameSync(place.output, elsewhere);
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
  renameSync(elsewhere, place.output);
  writeFileSync(join(place.root, "f4"), "other");
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
  writeFileSync(place.output, readFileSync(place.output));
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
});

test("outputs that share a state directory do not disturb each other", async () => {
  const other = { ...place, output: join(place.directory, "out", "other.so") };
  const otherOptions = { ...options, output: other.output, rules: [{ kind: "exclude", pattern: "/f1*" }] as const };
  for (let round = 0; round < 3; round++) {
    writeFileSync(join(place.root, "f5"), contentOf(2500, round));
    expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
    expect(await differencesFromClean(await built(otherOptions), other, otherOptions)).toEqual([]);
  }
  await settleClock();
  await built(options);
  await built(otherOptions);
  const before = [place.output, other.output].map(fingerprintOf);
  expect(await built(options)).toMatchObject({ upToDate: true });
  expect(await built(otherOptions)).toMatchObject({ upToDate: true });
  expect([place.output, other.output].map(fingerprintOf)).toEqual(before);
});

test("other options, layouts and linkers of the same output are not mixed up", async () => {
  const variants: Partial<BuildOptions>[] = [
    {},
    { layout: "compact" },
    {},
    { cuts: ["/f2"] },
    { buildTime: 7 },
    { mtime: { kind: "set", epochSeconds: 9 } },
    { owner: "root" },
    { rules: [{ kind: "exclude", pattern: "/f7" }] },
    { hostPaths: ["/etc/hosts"] },
    { hostPaths: ["/etc/hosts"], sealed: true },
    { layout: "compact" },
  ];
  for (const variant of variants) {
    const all = { ...options, ...variant };
    expect(await differencesFromClean(await built(all), place, all)).toEqual([]);
    await settleClock();
    await built(all);
    expect(await built(all)).toMatchObject({ upToDate: true, emittedBytes: 0 });
  }
});

test.skipIf(!hasTool("gcc"))("a library of the gcc linker is up to date, or made anew", async () => {
  options = { ...options, linker: "gcc" };
  await settleClock();
  const first = await built(options);
  await settleClock();
  expect(await built(options)).toMatchObject({ upToDate: true, emittedBytes: 0, digest: first.digest });
  writeFileSync(join(place.root, "f9"), "changed");
  const second = await built(options);
  expect(second).toMatchObject({ upToDate: false, method: "new" });
  expect(second.digest).not.toBe(first.digest);
  expect(await differencesFromClean(second, place, options)).toEqual([]);
  options = { root: place.root, output: place.output, state: place.state };
  expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
});

describe("two builds on one state directory", () => {
  const start = () => {
    const child = spawn(process.execPath, [cli, "build", place.root, "-o", place.output, "--state", place.state], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return { child, lines: createInterface({ input: child.stderr }), ended: once(child, "exit") };
  };

  test("the second waits, says for whom, and goes on when the first is done", async () => {
    const lock = unwrap(await StateLock.acquire(Buffer.from(place.state), () => undefined));
    writeFileSync(join(place.root, "f6"), "changed");
    const before = fingerprintOf(place.output);
    const { child, lines, ended } = start();
    const [line] = (await once(lines, "line")) as [string];
    expect(line).toMatch(new RegExp(`^binaryfs: waiting for process ${process.pid}\\b`));
    expect(child.exitCode).toBe(null);
    expect(fingerprintOf(place.output)).toBe(before);
    lock.release();
    expect(await ended).toEqual([0, null]);
    expect(fingerprintOf(place.output)).not.toBe(before);
    expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
  });

  test("the API tells whom it waits for, and stops waiting when it is to", async () => {
    const lock = unwrap(await StateLock.acquire(Buffer.from(place.state), () => undefined));
    const stop = new AbortController();
    const holders: number[] = [];
    const onWait = ({ pid }: { readonly pid: number }): void => {
      holders.push(pid);
      stop.abort();
    };
    const report = await build({ ...options, onWait, signal: stop.signal });
    expect(report).toMatchObject({ ok: false, error: { code: "interrupted" } });
    expect(holders).toEqual([process.pid]);
    lock.release();
  });

  test("many at once all end well", async () => {
    writeFileSync(join(place.root, "f8"), "changed");
    const all = Array.from({ length: 4 }, start);
    expect(await Promise.all(all.map(({ ended }) => ended))).toEqual(all.map(() => [0, null]));
    expect(await differencesFromClean(await built(options), place, options)).toEqual([]);
    expect(strayNames(place)).toEqual([]);
  });
});

describe("a state directory that cannot be used is state-unusable, and the library is not touched", () => {
  const isRefused = async (state: string): Promise<void> => {
    const before = fingerprintOf(place.output);
    expect(await build({ ...options, state })).toMatchObject({ ok: false, error: { code: "state-unusable" } });
    expect(fingerprintOf(place.output)).toBe(before);
  };

  test("a file", async () => {
    const state = join(place.directory, "file");
    writeFileSync(state, "");
    await isRefused(state);
    await isRefused(join(state, "below"));
  });

  test("one that others may write to", async () => {
    const state = join(place.directory, "open");
    mkdirSync(state);
    chmodSync(state, 0o777);
    await isRefused(state);
  });

  test.skipIf(!isRoot)("one that is another user's", async () => {
    const state = join(place.directory, "foreign");
    mkdirSync(state, { mode: 0o700 });
    chownSync(state, 12_345, 12_345);
    await isRefused(state);
  });

  test.skipIf(isRoot)("one that may not be written to", async () => {
    const state = join(place.directory, "closed");
    mkdirSync(state, { mode: 0o500 });
    await isRefused(state);
  });
});

test("a directory that holds the library and gets other names during the build keeps their time", async () => {
  const output = join(place.root, "lib.so");
  let isMade = false;
  const onProgress = ({ stage }: { readonly stage: string }): void => {
    if (stage === "serialize" && !isMade) writeFileSync(join(place.root, "meanwhile"), "");
    if (stage === "serialize") isMade = true;
  };
  const { mtimeMs } = lstatSync(place.root);
  const inside = { ...options, output };
  await built(inside);
  expect(lstatSync(place.root).mtimeMs).toBe(mtimeMs);
  await built({ ...inside, buildTime: 1, onProgress });
  expect(isMade).toBe(true);
  expect(lstatSync(place.root).mtimeMs).toBeGreaterThan(mtimeMs);
});
