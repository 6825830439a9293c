/** What Bazel runs again after a change, told by its own execution log, and that the bytes do not depend on it. */

import { utimesSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BazelResult, BazelWorkspace, bazelIsMissing, LOAD } from "../support/bazel.js";

const FILES = 40;
const SHARDS = 5;
const name = (index: number): string => `app/directory ${index % 4}/file-${index}.txt`;

const buildFile = (shards: number, more = ""): string => `${LOAD}
[binary_fs(name = "fs" + suffix, srcs = glob(["app/**"]), strip_prefix = "app", shards = shards${more})
 for suffix, shards in [("", ${shards}), ("_one", 1), ("_two", 2), ("_seven", 7), ("_auto", 0)]]
`;

describe.skipIf(bazelIsMissing)("a change runs one shard and the link", () => {
  let workspace: BazelWorkspace;
  let first: BazelResult;
  let original: Buffer;

  const build = async (...targets: string[]): Promise<readonly string[]> => {
    const { status, stderr, ran } = await workspace.build(targets.length > 0 ? targets : ["//:fs"]);
    expect(status, stderr).toBe(0);
    return ran;
  };
  const oneShardAndTheLink = ["BinaryFsLink fs.so", expect.stringMatching(/^BinaryFsShard [0-4]$/)];

  beforeAll(async () => {
    workspace = new BazelWorkspace();
    workspace.write({ "BUILD.bazel": buildFile(SHARDS) });
    for (let index = 0; index < FILES; index++) workspace.write({ [name(index)]: `file ${index}\n` });
    first = await workspace.build(["//:fs"]);
    expect(first.status, first.stderr).toBe(0);
    original = await workspace.bytes("fs.so");
  });
  afterAll(() => workspace.close());

  test("a first build runs every shard and the link, and asks no network", () => {
    const shards = Array.from({ length: SHARDS }, (_, index) => `BinaryFsShard ${index}`);
    expect(first.ran).toEqual(["BinaryFsLink fs.so", ...shards]);
    expect(first.stderr).not.toMatch(/download/i);
  });

  test("nothing runs where nothing has changed", async () => {
    expect(await build()).toEqual([]);
  });

  test("nothing runs after a file was touched", async () => {
    utimesSync(workspace.path(name(3)), 1, 1);
    expect(await build()).toEqual([]);
  });

  test("a changed file runs its shard and the link; changed back, the bytes are the first ones", async () => {
    workspace.write({ [name(7)]: "another text\n" });
    const ran = await build();
    expect(ran).toEqual(oneShardAndTheLink);
    expect((await workspace.bytes("fs.so")).equals(original)).toBe(false);
    workspace.write({ [name(7)]: "file 7\n" });
    expect(await build()).toEqual(ran);
    expect((await workspace.bytes("fs.so")).equals(original)).toBe(true);
  });

  test("an added file runs its shard and the link, and so does its removal", async () => {
    workspace.write({ "app/one more.txt": "added\n" });
    const added = await build();
    expect(added).toEqual(oneShardAndTheLink);
    workspace.remove("app/one more.txt");
    expect(await build()).toEqual(added);
    expect((await workspace.bytes("fs.so")).equals(original)).toBe(true);
  });

  test("attributes that change no content run the link alone", async () => {
    workspace.write({ "BUILD.bazel": buildFile(SHARDS, ', mode = "0644", mtime = 1, host_paths = ["/etc/hosts"]') });
    expect(await build()).toEqual(["BinaryFsLink fs.so"]);
    workspace.write({ "BUILD.bazel": buildFile(SHARDS) });
    expect(await build()).toEqual(["BinaryFsLink fs.so"]);
  });

  test("one shard more splits one of the others", async () => {
    for (const shards of [SHARDS + 1, SHARDS + 2]) {
      workspace.write({ "BUILD.bazel": buildFile(shards) });
      const ran = await build();
      expect(ran.at(0)).toBe("BinaryFsLink fs.so");
      expect(ran).toHaveLength(3);
      expect(ran).toContain(`BinaryFsShard ${shards - 1}`);
      expect((await workspace.bytes("fs.so")).equals(original)).toBe(true);
    }
    workspace.write({ "BUILD.bazel": buildFile(SHARDS) });
  });

  test("the number of shards does not show in the bytes", async () => {
    const ran = await build("//:fs", "//:fs_one", "//:fs_two", "//:fs_seven", "//:fs_auto");
    expect(ran.filter((action) => action.startsWith("BinaryFsLink"))).toHaveLength(5);
    for (const other of ["one", "two", "seven", "auto"]) {
      expect((await workspace.bytes(`fs_${other}.so`)).equals(original), other).toBe(true);
    }
  });
});
