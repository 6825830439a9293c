/** The same bytes however Bazel runs the actions: sandboxed, not sandboxed, by persistent workers of either protocol, one or several at once. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BazelWorkspace, bazelIsMissing, LOAD } from "../support/bazel.js";

const BUILD = `${LOAD}
binary_fs(name = "fs", srcs = glob(["app/**"]), shards = 4, strip_prefix = "app", exclude = ["*.log"])
`;
const JSON_FLAGS = ["--@binaryfs//rules/bazel:worker_protocol=json", "--experimental_worker_allow_json_protocol"];

const both = (strategy: string): string[] => [
  `--strategy=BinaryFsShard=${strategy}`,
  `--strategy=BinaryFsLink=${strategy}`,
];

/** How it is called, the flags, and what the execution log calls the runner. */
const STRATEGIES: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["sandboxed", both("sandboxed"), /^(?:linux|processwrapper)-sandbox$/],
  ["local", both("local"), /^local$/],
  ["worker, protobuf", both("worker"), /^(?:multiplex-)?worker$/],
  ["worker, JSON", [...both("worker"), ...JSON_FLAGS], /^(?:multiplex-)?worker$/],
  ["worker, sandboxed", [...both("worker"), "--worker_sandboxing"], /^worker$/],
  ["worker, JSON, sandboxed", [...both("worker"), ...JSON_FLAGS, "--worker_sandboxing"], /^worker$/],
  ["worker, one request at a time", [...both("worker"), "--noexperimental_worker_multiplex"], /^worker$/],
  ["worker, one instance", [...both("worker"), "--worker_max_instances=1"], /^(?:multiplex-)?worker$/],
];

describe.skipIf(bazelIsMissing)("strategies", () => {
  let workspace: BazelWorkspace;
  let expected: Buffer;

  beforeAll(async () => {
    workspace = new BazelWorkspace();
    workspace.write({ "BUILD.bazel": BUILD, "app/one.log": "left out\n" });
    for (let index = 0; index < 60; index++)
      workspace.write({ [`app/d${index % 7}/f${index}`]: `${index}\n`.repeat(index ** 2) });
    const { status, stderr } = await workspace.build(["//:fs"], both("standalone"));
    expect(status, stderr).toBe(0);
    expected = await workspace.bytes("fs.so");
  });
  afterAll(() => workspace.close());

  const build = async (flags: readonly string[]) => {
    const result = await workspace.build(["//:fs"], flags);
    expect(result.status, result.stderr).toBe(0);
    return result;
  };

  test.each(STRATEGIES)("%s: the runner is that one, the bytes are the same", async (_, flags, runner) => {
    await workspace.clean();
    const { spawns } = await build(flags);
    expect(spawns).toHaveLength(5);
    for (const spawn of spawns) expect(spawn.runner, spawn.mnemonic).toMatch(runner);
    expect((await workspace.bytes("fs.so")).equals(expected)).toBe(true);
  });

  test("a worker that has packed before gives a changed file's new bytes, and then the old ones", async () => {
    await workspace.clean();
    await build(both("worker"));
    for (const sandboxing of ["--noworker_sandboxing", "--worker_sandboxing"]) {
      workspace.write({ "app/d3/f3": "changed\n" });
      await build([...both("worker"), sandboxing]);
      const changed = await workspace.bytes("fs.so");
      expect(changed.equals(expected)).toBe(false);
      await build(both("sandboxed"));
      expect((await workspace.bytes("fs.so")).equals(changed)).toBe(true);
      workspace.write({ "app/d3/f3": "3\n".repeat(9) });
      await build([...both("worker"), sandboxing]);
      expect((await workspace.bytes("fs.so")).equals(expected)).toBe(true);
    }
  });

  test("a worker survives a request that fails", async () => {
    workspace.write({ "BUILD.bazel": `${BUILD}binary_fs(name = "bad", srcs = ["app"])\n` });
    const { status, stderr } = await workspace.build(["//:bad"], both("worker"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^binaryfs: not-a-file: /m);
    await workspace.clean();
    await build(both("worker"));
    expect((await workspace.bytes("fs.so")).equals(expected)).toBe(true);
  });
});
