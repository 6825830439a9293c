/** Shards and the library that is linked from them: byte for byte the one that `build` makes of the tree, however it was sharded. */

import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../src/build.js";
import { assemble } from "../../src/engine/assembly.js";
import type { LayoutName } from "../../src/model.js";
import type { Rule } from "../../src/select/rules.js";
import { readShard } from "../../src/shard/read-shard.js";
import { writeShard } from "../../src/shard/write-shard.js";
import { DIRECTORY_MODE, declare, layOut, type Places, randomPlaces } from "./random-places.js";

const RUNS = Number(process.env["BINARYFS_PROPERTY_RUNS"] ?? 60);
const SEED = process.env["BINARYFS_PROPERTY_SEED"];
const MTIME = 946_684_800;

let directory: string;
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-assemble-")));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const rule = fc.record({
  kind: fc.constantFrom<Rule["kind"]>("include", "exclude"),
  pattern: fc
    .constantFrom("*", "/a", "/a/*", "*.txt", "/lib/*", "*/b", "/c?", "/none")
    .map((text) => Buffer.from(text)),
});

let trees = 0;
/** Builds both ways. @returns what the library is, or the code of the failure */
async function bothWays(places: Places, shards: number, layout: LayoutName, rules: readonly Rule[]) {
  const own = join(directory, `${trees++}`);
  const root = join(own, "root");
  mkdirSync(root, { recursive: true });
  layOut(root, places);
  const [built, assembled] = [join(own, "built.so"), join(own, "assembled.so")];
  const expected = await build({
    root,
    output: built,
    layout,
    rules,
    state: false,
    secrets: "warn",
    preserveSymlinks: true,
    mtime: { kind: "set", epochSeconds: MTIME },
    owner: "root",
  });
  const { files, links, ...rest } = declare(join(own, "sources"), places, shards);
  const opened = files.map((members, index) => {
    const output = Buffer.from(join(own, `${index}.shard`));
    expect(writeShard({ output, files: members, rules, links })).toMatchObject({ ok: true });
    const shard = readShard(output);
    if (!shard.ok) throw new Error(shard.error.code);
    return shard.value;
  });
  const tree = {
    ...rest,
    links,
    rules,
    secrets: "warn" as const,
    mtimeSeconds: MTIME,
    fileMode: 0o755,
    directoryMode: DIRECTORY_MODE,
  };
  const actual = await assemble({ output: Buffer.from(assembled), shards: opened, tree, layout });
  const outcome = (result: typeof expected | typeof actual, library: string) =>
    result.ok ? readFileSync(library).toString("latin1") : result.error.code;
  const pair = [outcome(expected, built), outcome(actual, assembled)] as const;
  rmSync(own, { recursive: true, force: true });
  return pair;
}

test(
  `${RUNS} random trees, sharded in any way, are linked to what build makes of them`,
  async () => {
    let compared = 0;
    const property = fc.asyncProperty(
      randomPlaces,
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom<LayoutName>("stable", "compact"),
      fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(rule, { maxLength: 3 }) }),
      async (places, shards, layout, rules) => {
        const [expected, actual] = await bothWays(places, shards, layout, rules);
        if (expected.length > 100) compared++;
        if (actual !== expected) throw new Error(`${expected.slice(0, 40)} became ${actual.slice(0, 40)}`);
      },
    );
    await fc.assert(property, { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) });
    expect(compared).toBeGreaterThan(RUNS / 2);
  },
  600_000 + RUNS * 10_000,
);

test("a symlink that an action made is packed as one", async () => {
  const own = join(directory, "links");
  mkdirSync(own);
  symlinkSync("../away", join(own, "link"));
  const output = Buffer.from(join(own, "0.shard"));
  const files = [{ path: "/a/link", host: Buffer.from(join(own, "link")), kind: "link" as const }];
  expect(writeShard({ output, files, rules: [], links: new Map() })).toMatchObject({ ok: true });
  expect(readShard(output)).toMatchObject({ ok: true, value: { links: new Map([["/a/link", "../away"]]) } });
});
