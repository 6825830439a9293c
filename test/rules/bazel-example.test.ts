/** examples/bazel and WORKSPACE.example, as a user would copy them. */

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { BazelWorkspace, bazelIsMissing, CHECKOUT, LOAD } from "../support/bazel.js";

const read = (path: string): string => readFileSync(join(CHECKOUT, path), "utf8");
const hasJdk = spawnSync("jlink", ["--version"]).error === undefined;

describe.skipIf(bazelIsMissing)("copied by a user", () => {
  let workspace: BazelWorkspace | undefined;
  afterEach(() => workspace?.close());

  test.skipIf(!hasJdk)("examples/bazel builds, runs and passes its tests, Python and Java", async () => {
    workspace = new BazelWorkspace();
    cpSync(join(CHECKOUT, "examples/bazel"), workspace.directory, {
      recursive: true,
      filter: (path) => !/\/bazel-\w+$/.test(path.slice(CHECKOUT.length + "/examples/bazel".length)),
    });
    const original = read("examples/bazel/WORKSPACE");
    workspace.write({ WORKSPACE: original.replace('path = "../.."', `path = "${CHECKOUT}"`) });
    // As another user's build of the same directory leaves it: `//...` leads through it into that build's repositories.
    workspace.write({ "../another/BUILD.bazel": 'load("//nowhere:defs.bzl", "nothing")\n' });
    symlinkSync(workspace.path("../another"), workspace.path("bazel-bazel"));
    const built = await workspace.build(["//..."]);
    expect(built.status, built.stderr).toBe(0);
    const python = await workspace.run("//python:run", ["Bazel"]);
    expect(python, python.stderr).toMatchObject({ status: 0, stdout: "Hello, Bazel!\n" });
    const java = await workspace.run("//java:run");
    expect(java.stdout, java.stderr).toMatch(/^Hello from a jar in the image\nJava .* at \/opt\/java\n$/);
    const tested = await workspace.test(["//..."]);
    expect(tested.status, tested.stdout + tested.stderr).toBe(0);
    expect(tested.stdout).toMatch(/2 tests pass/);
    expect(tested.stderr).not.toMatch(/download/i);
  });

  test("WORKSPACE.example with its path replaced, and the targets of its comment", async () => {
    const example = read("WORKSPACE.example");
    const workspaceFile = example.replaceAll('path = "third_party/binaryfs"', `path = "${CHECKOUT}"`);
    expect(workspaceFile).not.toBe(example);
    const [, targets = ""] = /^# In a BUILD file:\n#\n([\s\S]*)$/m.exec(example) ?? [];
    workspace = new BazelWorkspace({ workspaceFile });
    workspace.write({
      "BUILD.bazel": targets.replaceAll(/^# {0,5}/gm, ""),
      "app/bin/app": "#!/bin/sh\n[ ! -e /etc/passwd ] && echo in the image\n",
    });
    expect(targets).toContain(LOAD.trim());
    spawnSync("cp", ["--dereference", "/bin/sh", workspace.path("app/bin/sh")]);
    const { status, stdout, stderr } = await workspace.run("//:run");
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "in the image\n" });
  });
});
