/** The key follows from what the library's bytes follow from, and from nothing else: judged by the bytes themselves. */

import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashSources, noDigests } from "../../src/engine/content-digests.js";
import type { BuildOptions } from "../../src/engine/options.js";
import { StageTimer } from "../../src/engine/stage-timer.js";
import { planTree, selectTree, stableOptions } from "../../src/engine/stages.js";
import { sha256Of } from "../../src/fingerprint/sha256.js";
import { actionKey } from "../../src/remote/action-key.js";
import { built, makePlace, type Place, unwrap } from "../support/incremental.js";

const AT = new Date(1_700_000_000_500);
const TEMPLATE = sha256Of(Buffer.from("template"));

let place: Place;
const at = (name: string): string => join(place.root, name);
const age = (...names: string[]): void => {
  for (const name of names) utimesSync(at(name), AT, AT);
};

function fill(root: string): void {
  mkdirSync(join(root, "d/e"), { recursive: true });
  writeFileSync(join(root, "d/one"), "one");
  writeFileSync(join(root, "d/two"), "two");
  writeFileSync(join(root, "d/e/three"), "three");
  linkSync(join(root, "d/one"), join(root, "d/same"));
  symlinkSync("one", join(root, "d/link"));
  for (const name of ["d/one", "d/two", "d/e/three", "d/e", "d", ""]) utimesSync(join(root, name), AT, AT);
}

beforeEach(() => {
  place = makePlace("key");
  fill(place.root);
});
afterEach(() => place.remove());

/** What a symlink's own time is need not be the same twice: it is set aside here. */
const POLICY: Partial<BuildOptions> = { mtime: { kind: "clamp", epochSeconds: 1_700_000_100 } };

async function keyOf(more: Partial<BuildOptions> = {}, root = place.root, template = TEMPLATE): Promise<string> {
  const options: BuildOptions = {
    root,
    output: place.output,
    rules: [{ kind: "exclude", pattern: "/d/link" }],
    ...POLICY,
    ...more,
  };
  const tree = unwrap(selectTree(options, [], new StageTimer()));
  const plan = unwrap(planTree(tree, options, new StageTimer()));
  const contents = noDigests(tree.table.count);
  unwrap(await hashSources(plan, contents, {}));
  return actionKey({ plan, cuts: stableOptions(options).cuts ?? [], template, contents });
}

/** The library's digest. */
async function digestOf(more: Partial<BuildOptions> = {}): Promise<string | undefined> {
  const rules = [{ kind: "exclude", pattern: "/d/link" } as const];
  return (await built({ root: place.root, output: place.clean, state: false, rules, ...POLICY, ...more })).digest;
}

describe("what changes the bytes changes the key", () => {
  it.each<[string, () => void]>([
    [
      "content",
      () => {
        writeFileSync(at("d/two"), "owt");
        age("d/two");
      },
    ],
    [
      "a size",
      () => {
        appendFileSync(at("d/two"), "!");
        age("d/two");
      },
    ],
    ["a mode", () => chmodSync(at("d/two"), 0o600)],
    ["a directory's mode", () => chmodSync(at("d/e"), 0o700)],
    ["an owner", () => chownSync(at("d/two"), 12, 13)],
    ["a time", () => utimesSync(at("d/two"), AT, new Date(1_700_000_000_600))],
    [
      "a name",
      () => {
        renameSync(at("d/two"), at("d/twp"));
        age("d");
      },
    ],
    [
      "a file that came",
      () => {
        writeFileSync(at("d/four"), "");
        age("d/four", "d");
      },
    ],
    [
      "a file that went",
      () => {
        unlinkSync(at("d/two"));
        age("d");
      },
    ],
    [
      "a directory that came",
      () => {
        mkdirSync(at("d/f"));
        age("d/f", "d");
      },
    ],
    [
      "a file that moved down",
      () => {
        renameSync(at("d/two"), at("d/e/two"));
        age("d", "d/e");
      },
    ],
    [
      "a hard link that is a copy now",
      () => {
        unlinkSync(at("d/same"));
        writeFileSync(at("d/same"), "one");
        age("d/same", "d");
      },
    ],
  ])("%s", async (_, edit) => {
    const before = [await keyOf(), await digestOf()] as const;
    edit();
    const after = [await keyOf(), await digestOf()] as const;
    expect(after[1]).not.toBe(before[1]);
    expect(after[0]).not.toBe(before[0]);
  });

  it.each<[string, Partial<BuildOptions>]>([
    ["the layout", { layout: "compact" }],
    ["a host path", { hostPaths: ["/etc/hosts"] }],
    ["a volume", { volumes: [{ guest: "/data" }] }],
    ["a volume's host", { volumes: [{ guest: "/data", host: "/srv" }] }],
    ["sealed", { sealed: true }],
    ["the time of the build", { buildTime: 1_600_000_000 }],
    ["the owner policy", { owner: "root" }],
    ["the time policy", { mtime: { kind: "set", epochSeconds: 5 } }],
    ["the selection", { rules: [{ kind: "exclude", pattern: "/d/two" }] }],
    ["a link that is selected", { rules: [] }],
  ])("%s", async (_, more) => {
    if (more.owner === "root") chownSync(at("d/two"), 12, 13);
    expect(await digestOf(more)).not.toBe(await digestOf());
    expect(await keyOf(more)).not.toBe(await keyOf());
  });

  it("the runtime, cuts, a symlink's body", async () => {
    const keys = [
      await keyOf(),
      await keyOf({}, place.root, sha256Of(Buffer.from("other"))),
      await keyOf({ cuts: ["/d/e"] }),
    ];
    const linked = await keyOf({ rules: [], mtime: { kind: "set", epochSeconds: 5 } });
    unlinkSync(at("d/link"));
    symlinkSync("two", at("d/link"));
    age("d");
    keys.push(linked, await keyOf({ rules: [], mtime: { kind: "set", epochSeconds: 5 } }));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("what does not, does not", () => {
  it("another directory with the same tree, in other inodes, made in another order", async () => {
    const other = join(place.directory, "elsewhere");
    mkdirSync(other);
    writeFileSync(join(other, "first"), "takes an inode");
    rmSync(join(other, "first"));
    fill(other);
    expect(await keyOf({}, other)).toBe(await keyOf());
  });

  it.each<[string, () => void, Partial<BuildOptions>]>([
    [
      "a change time",
      () => {
        chmodSync(at("d/two"), 0o600);
        chmodSync(at("d/two"), 0o644);
      },
      {},
    ],
    [
      "a file that is not selected",
      () => {
        writeFileSync(at("d/noise.log"), "x");
        age("d");
      },
      {
        rules: [
          { kind: "exclude", pattern: "/d/*.log" },
          { kind: "exclude", pattern: "/d/link" },
        ],
      },
    ],
    ["an owner that is not kept", () => chownSync(at("d/two"), 12, 13), { owner: "root" }],
    [
      "a time that is not kept",
      () => utimesSync(at("d/two"), AT, new Date(5000)),
      { mtime: { kind: "set", epochSeconds: 5 } },
    ],
    [
      "a file that was replaced by an equal one",
      () => {
        unlinkSync(at("d/two"));
        writeFileSync(at("d/two"), "two");
        age("d/two", "d");
      },
      {},
    ],
  ])("%s", async (_, edit, more) => {
    const before = [await keyOf(more), await digestOf(more)];
    edit();
    expect([await keyOf(more), await digestOf(more)]).toEqual(before);
  });

  it("the output's name, threads, cuts said twice, cuts in the compact layout", async () => {
    expect(await keyOf({ output: "/tmp/other.so", threads: 1 })).toBe(await keyOf());
    expect(await keyOf({ cuts: ["/d/e", "/d", "/d/e"] })).toBe(await keyOf({ cuts: ["/d", "/d/e"] }));
    expect(await keyOf({ layout: "compact", cuts: ["/d"] })).toBe(await keyOf({ layout: "compact" }));
  });
});

it("a file that changes while it is hashed is noticed", async () => {
  const options: BuildOptions = { root: place.root, output: place.output };
  const tree = unwrap(selectTree(options, [], new StageTimer()));
  const plan = unwrap(planTree(tree, options, new StageTimer()));
  expect(readFileSync(at("d/two"), "utf8")).toBe("two");
  appendFileSync(at("d/two"), "!");
  const hashed = await hashSources(plan, noDigests(tree.table.count), {});
  expect(hashed).toMatchObject({ ok: false, error: { code: "input-changed" } });
});
