/** Where the rules put files, and that their library is the command line's over the same tree, laid out here by hand. */

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandLine } from "../cli/command-line.js";
import { BazelWorkspace, bazelIsMissing, LOAD, WORKSPACE_FILE } from "../support/bazel.js";

/** Rules of a user: a directory that an action fills, and a program with every kind of runfiles that a rule can give. */
const RULES = `
def _directory_impl(ctx):
    directory = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [directory],
        inputs = [ctx.file.script],
        command = '. "$1"',
        arguments = [ctx.file.script.path, directory.path],
    )
    return [DefaultInfo(files = depset([directory]))]

directory = rule(implementation = _directory_impl, attrs = {"script": attr.label(allow_single_file = True)})

def _program_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(program, ctx.attr.script, is_executable = True)
    runfiles = ctx.runfiles(
        files = ctx.files.data,
        symlinks = {"renamed/" + file.basename: file for file in ctx.files.linked},
        root_symlinks = {"other_repository/" + file.basename: file for file in ctx.files.linked},
    )
    return [DefaultInfo(executable = program, runfiles = runfiles)]

program = rule(
    implementation = _program_impl,
    executable = True,
    attrs = {
        "script": attr.string(),
        "data": attr.label_list(allow_files = True),
        "linked": attr.label_list(allow_files = True),
    },
)
`;

/** Names that a parameter file must quote. */
const NAMES = [
  "a space",
  `"double" and 'single'`,
  "back\\slash",
  "$dollar `tick`",
  "Stra\u00c3\u009fe",
  "*?[glob]",
  "-x",
  "new\nline",
];
const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const BUILD = `${LOAD}
load(":rules.bzl", "directory", "program")

binary_fs(name = "plain", srcs = glob(["app/**"]), shards = 3)
binary_fs(name = "compact.so", srcs = glob(["app/**"]), layout = "compact")
binary_fs(name = "mapped", srcs = glob(["app/**"]), strip_prefix = "app/", prefix = "opt//it", files = {
    "single.txt": "/etc/name.conf",
    ":several": "/several/",
    "@outside//:files": "/outside/",
})
filegroup(name = "several", srcs = ["app/a.txt", "single.txt"])
binary_fs(name = "outside", srcs = ["@outside//:files"])

binary_fs(
    name = "shaped",
    srcs = glob(["app/**"]),
    strip_prefix = "app",
    symlinks = {"/bin/run": "../tools/run.sh", "/dangling": "/nowhere", "current": "sub"},
    directories = {"/empty": "", "/private": "0700", "/tools": "0750"},
    mode = "644",
    directory_mode = "0711",
    modes = {"/tools/*": "0755", "/sub": "0400", "*.key": "0o600"},
    include = ["/current/*", "/tools/*", "*.txt", "/bin/run", "/dangling", "/current", "/empty", "/private"],
    exclude = ["*/deep/*", "/a.*"],
)
binary_fs(name = "doors", srcs = ["single.txt"], host_paths = ["/etc/resolv.conf"], volumes = ["/data", "/logs=/var/log/app"], sealed = True)
py_binary(name = "python", srcs = ["python.py"], deps = [":library"])
py_library(name = "library", srcs = ["package/module.py"])
binary_fs(name = "from_python", srcs = [":python"], prefix = "/app", exclude = ["*/bazel_tools/*"])
binary_fs(name = "secret", srcs = glob(["hidden/**", "hidden/.env"]), allow_secrets = ["*.env"])

directory(name = "tree", script = "tree.sh")
binary_fs(name = "from_tree", srcs = [":tree"], strip_prefix = "tree", shards = 2)
directory(name = "inner", script = "inner.sh")
binary_fs(name = "from_inner", srcs = [":inner"], strip_prefix = "inner/one", prefix = "/in")
binary_fs(name = "tree_placed", files = {":inner": "/opt/placed"})

program(
    name = "reads",
    script = """#!/bin/sh
read own < "$0.runfiles/tested/single.txt"
read renamed < "$0.runfiles/tested/renamed/a.txt"
read other < "$0.runfiles/other_repository/a.txt"
read outside < "$0.runfiles/outside/far.txt"
read two < "$0.runfiles/tested/inner/one/two/2"
echo "$own, $renamed, $other, $outside, $two"
[ ! -e /etc/passwd ]
""",
    data = ["single.txt", "@outside//:files", ":inner"],
    linked = ["app/a.txt"],
)
binary_fs(name = "with_runfiles", srcs = [":reads"], files = {"sh": "/bin/sh"})
binary_fs(name = "without_runfiles", srcs = [":reads"], runfiles = False)
binary_fs_run(name = "run", image = ":with_runfiles", command = ["/reads"])
binary_fs_test(name = "run_test", image = ":with_runfiles", command = ["/reads"])

binary_fs_run(
    name = "settings",
    image = ":with_runfiles",
    command = ["/bin/sh", "-c", 'echo "$GREETING|$1|$2|$3"; exit 7', "name", "one 'word'", "%{library}"],
    env = {"GREETING": "it's $HOME", "library": "/bin/false", "root": "/nowhere"},
)
binary_fs_test(
    name = "writes_test",
    image = ":with_runfiles",
    command = ["/bin/sh", "-c", 'echo kept > "$TEST_UNDECLARED_OUTPUTS_DIR/kept.txt"; [ ! -e /etc/passwd ]'],
)
`;

/** Bytes of names and texts are characters here. */
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

describe.skipIf(bazelIsMissing)("what a library of the rules holds", () => {
  let workspace: BazelWorkspace;
  let temporary: string;
  let cli: ReturnType<typeof commandLine>;

  beforeAll(async () => {
    temporary = mkdtempSync(join(tmpdir(), "binaryfs-bazel-contents-"));
    cli = commandLine(temporary);
    mkdirSync(join(temporary, "outside"));
    for (const [name, text] of [
      ["WORKSPACE", 'workspace(name = "outside")\n'],
      ["BUILD.bazel", 'filegroup(name = "files", srcs = ["far.txt"], visibility = ["//visibility:public"])\n'],
      ["far.txt", "far\n"],
    ] as const)
      writeFileSync(join(temporary, "outside", name), text);
    const outside = `local_repository(name = "outside", path = "${join(temporary, "outside")}")\n`;
    workspace = new BazelWorkspace({ workspaceFile: WORKSPACE_FILE + outside });
    workspace.write({
      "BUILD.bazel": BUILD,
      "rules.bzl": RULES,
      "tree.sh": `cd "$2"; mkdir -p empty nested/deeper; echo nested > nested/deeper/file
${NAMES.map((name) => `echo text > ${shell(name)}`).join("\n")}`,
      "inner.sh": 'mkdir -p "$2/one/two"; echo 1 > "$2/one/1"; echo 2 > "$2/one/two/2"',
      "app/Stra\u00c3\u009fe.txt": "street\n",
      "app/a.txt": "a\n",
      "app/sub/b.txt": "b\n",
      "app/sub/deep/c.txt": "c\n",
      "app/sub/it.key": "key\n",
      "app/tools/run.sh": "#!/bin/sh\n",
      "app/large.bin": "0123456789abcdef".repeat(100_000),
      "app/none": "",
      "single.txt": "single\n",
      "python.py": "import package.module\n",
      "package/module.py": "",
      "hidden/.env": "A=1\n",
      "hidden/x": "x\n",
    });
    spawnSync("cp", ["--dereference", "/bin/sh", workspace.path("sh")]);
    const { status, stderr } = await workspace.build(["//..."]);
    expect(status, stderr).toBe(0);
  });
  afterAll(async () => {
    rmSync(temporary, { recursive: true, force: true });
    await workspace.close();
  });

  interface Node {
    readonly type: string;
    readonly mode: string;
    readonly target?: string;
  }
  const contents = async (target: string): Promise<Map<string, Node>> => {
    const lines = (await workspace.bytes(`${target}.contents.jsonl`)).toString("utf8").trimEnd().split("\n");
    return new Map(lines.map((line) => JSON.parse(line)).map((node) => [node.path as string, node as Node]));
  };
  const files = async (target: string): Promise<string[]> =>
    [...(await contents(target))].filter(([, { type }]) => type !== "directory").map(([path]) => path);

  /** A tree of the test's own: text, or a link's body behind an arrow, or nothing for a directory; modes where they are not 0755. */
  const layOut = (nodes: Readonly<Record<string, string | null>>, modes: Readonly<Record<string, number>> = {}) => {
    const root = mkdtempSync(join(temporary, "tree-"));
    for (const [name, text] of Object.entries(nodes)) {
      const path = latin1(join(root, name));
      mkdirSync(text === null ? path : latin1(dirname(join(root, name))), { recursive: true });
      if (text?.startsWith("-> ")) symlinkSync(latin1(text.slice(3)), path);
      else if (text !== null) writeFileSync(path, latin1(text));
    }
    const all = new Set(
      Object.keys(nodes).flatMap((name) => [...name.matchAll(/\/|$/g)].map(({ index }) => name.slice(0, index))),
    );
    for (const name of [...all].sort().reverse()) {
      const path = latin1(join(root, name));
      if (nodes[name]?.startsWith("-> ") !== true) chmodSync(path, modes[name] ?? 0o755);
    }
    chmodSync(root, modes[""] ?? 0o755);
    return root;
  };
  /** Builds the tree by the command line and compares, byte for byte. */
  const expectEqual = async (target: string, root: string, ...more: string[]): Promise<void> => {
    const library = join(temporary, `${target}.so`);
    const flags = ["--no-state", "--mtime", "946684800", "--owner", "root", ...more];
    const { status, stderr } = cli(["build", root, "-o", library, ...flags]);
    expect(status, stderr).toBe(0);
    const made = await workspace.output(`${target}.so`);
    expect(cli(["ls", "--json", made]).stdout).toBe(cli(["ls", "--json", library]).stdout);
    expect(spawnSync("cmp", [made, library], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
  };

  const APP = {
    "app/a.txt": "a\n",
    "app/sub/b.txt": "b\n",
    "app/sub/deep/c.txt": "c\n",
    "app/sub/it.key": "key\n",
    "app/tools/run.sh": "#!/bin/sh\n",
    "app/large.bin": "0123456789abcdef".repeat(100_000),
    "app/none": "",
    "app/Stra\u00c3\u009fe.txt": "street\n",
  };

  test("it is the command line's library, in both layouts", async () => {
    const root = layOut(APP);
    await expectEqual("plain", root);
    await expectEqual("compact", root, "--layout", "compact");
  });

  test.each(["plain", "shaped", "from_tree", "with_runfiles"])(
    "%s: the list of contents is that of `ls --json`, the digest that of `verify`",
    async (target) => {
      const library = await workspace.output(`${target}.so`);
      const listed = (await workspace.bytes(`${target}.contents.jsonl`)).toString("latin1");
      expect(listed).toBe(cli(["ls", "--json", library]).stdout);
      const digest = (await workspace.bytes(`${target}.digest`)).toString("latin1").trim();
      expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(cli(["verify", library, "--digest", digest])).toMatchObject({ status: 0 });
    },
  );

  test("prefixes are taken off and put before; `files` gives places, external ones too", async () => {
    const moved = Object.entries(APP).map(([name, text]) => [name.replace("app/", "opt/it/"), text]);
    const root = layOut({
      ...Object.fromEntries(moved),
      "etc/name.conf": "single\n",
      "several/a.txt": "a\n",
      "several/single.txt": "single\n",
      "outside/far.txt": "far\n",
    });
    await expectEqual("mapped", root);
  });

  test("files of other repositories lie in external/REPOSITORY", async () => {
    expect(await files("outside")).toEqual(["/external/outside/far.txt"]);
  });

  test("links, directories, modes and globs, one of which leads through a link", async () => {
    const root = layOut(
      {
        "Stra\u00c3\u009fe.txt": "street\n",
        "sub/b.txt": "b\n",
        "sub/it.key": "key\n",
        // Its content is left out, not itself.
        "sub/deep": null,
        "tools/run.sh": "#!/bin/sh\n",
        "bin/run": "-> ../tools/run.sh",
        dangling: "-> /nowhere",
        current: "-> sub",
        empty: null,
        private: null,
      },
      {
        "": 0o711,
        sub: 0o711,
        "sub/deep": 0o711,
        bin: 0o711,
        empty: 0o711,
        private: 0o700,
        tools: 0o750,
        "sub/b.txt": 0o400,
        "sub/it.key": 0o600,
        "Stra\u00c3\u009fe.txt": 0o644,
        "tools/run.sh": 0o755,
      },
    );
    await expectEqual("shaped", root);
  });

  test("the files of a tree artifact go along, whatever their names; its empty directories do not", async () => {
    const root = layOut({
      ...Object.fromEntries(NAMES.map((name) => [name, "text\n"])),
      "nested/deeper/file": "nested\n",
    });
    await expectEqual("from_tree", root);
    expect(await files("from_tree")).toHaveLength(NAMES.length + 1);
  });

  test("strip_prefix may end inside a tree artifact, and `files` places one as a directory", async () => {
    expect(await files("from_inner")).toEqual(["/in/1", "/in/two/2"]);
    expect(await files("tree_placed")).toEqual(["/opt/placed/one/1", "/opt/placed/one/two/2"]);
  });

  test("doors are the image's, and sealed", async () => {
    const { stdout } = cli(["check", "--json", await workspace.output("doors.so")]);
    expect(JSON.parse(stdout.split("\n", 1)[0] ?? "")).toMatchObject({
      layout: "stable",
      sealed: true,
      hostPaths: [{ path: "/etc/resolv.conf" }],
      volumes: [{ guest: "/data" }, { guest: "/logs", host: "/var/log/app" }],
    });
  });

  test("a secret that is allowed is packed", async () => {
    expect(await files("secret")).toEqual(["/hidden/.env", "/hidden/x"]);
  });

  test("runfiles lie beside the program as Bazel lays them out", async () => {
    const runfiles = (await files("with_runfiles")).filter((path) => path.includes(".runfiles/"));
    expect(runfiles.map((path) => path.replace("/reads.runfiles/", ""))).toEqual([
      "other_repository/a.txt",
      "outside/far.txt",
      "tested/inner/one/1",
      "tested/inner/one/two/2",
      "tested/reads",
      "tested/renamed/a.txt",
      "tested/single.txt",
    ]);
    expect(await files("without_runfiles")).toEqual(["/reads"]);
  });

  test("those of a py_binary go along, with the empty files that Bazel adds", async () => {
    const found = await files("from_python");
    expect(found.filter((path) => !path.includes("bazel_tools"))).toEqual([
      "/app/python",
      "/app/python.py",
      "/app/python.runfiles/tested/package/__init__.py",
      "/app/python.runfiles/tested/package/module.py",
      "/app/python.runfiles/tested/python",
      "/app/python.runfiles/tested/python.py",
    ]);
  });

  test("the program finds them, by `bazel run` and by `bazel test`", async () => {
    const { status, stdout, stderr } = await workspace.run("//:run");
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "single, a, a, far, 2\n" });
    const tested = await workspace.test(["//:run_test", "//:writes_test"]);
    expect(tested.status, tested.stdout + tested.stderr).toBe(0);
    expect(tested.stdout).toMatch(/2 tests pass/);
  });

  test("command, arguments and variables arrive as they are, and so does the status", async () => {
    const { status, stdout } = await workspace.run("//:settings", ["and $two"]);
    expect({ status, stdout }).toEqual({ status: 7, stdout: "it's $HOME|one 'word'|%{library}|and $two\n" });
  });
});
