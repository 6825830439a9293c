/** Broken input: it fails in analysis with the rule's sentence, or in an action with the command line's, and nothing is left that looks like an output. */

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BazelWorkspace, bazelIsMissing, LOAD } from "../support/bazel.js";

/** What it is, the attributes of a target `fs` in a package of its own with `a.txt`, `b.txt`, `d/c.txt` and `.env`, and what is said of it. */
const IN_ANALYSIS: readonly (readonly [string, string, RegExp])[] = [
  ["a missing file", 'srcs = ["absent.txt"]', /missing input file '@?@?\/\/case:absent\.txt'|no such target/],
  ["`..` in the path of a file", 'files = {"a.txt": "/x/../y"}', /`\.\.` in it: .*\/x\/\.\.\/y/],
  ["`..` in prefix", 'srcs = ["a.txt"], prefix = "/x/.."', /`\.\.` in it/],
  ["a relative place", 'files = {"a.txt": "x"}', /begins with a slash: files of \/\/case:a\.txt, "x"/],
  ["several files at one place", 'files = {":two": "/x"}', /\/\/case:two is 2 files; end its path with a slash/],
  [
    "a path outside strip_prefix",
    'srcs = ["a.txt"], strip_prefix = "case/d"',
    /case\/a\.txt does not begin with strip_prefix "case\/d"/,
  ],
  [
    "two files for one path",
    'files = {"a.txt": "/x", "b.txt": "/x"}',
    /two files for \/x: case\/a\.txt and case\/b\.txt/,
  ],
  ["a mode that is no number", 'srcs = ["a.txt"], mode = "rwx"', /mode: no mode in octal digits: "rwx"/],
  [
    "a mode of too many bits",
    'srcs = ["a.txt"], directory_mode = "17777"',
    /directory_mode: no mode in octal digits: "17777"/,
  ],
  ["a mode of too few digits", 'srcs = ["a.txt"], modes = {"*": "7"}', /modes of \*: no mode in octal digits: "7"/],
  ["a negative time", 'srcs = ["a.txt"], mtime = -1', /mtime is in seconds since 1970, and not negative/],
  ["a negative number of shards", 'srcs = ["a.txt"], shards = -1', /shards is a number from 0 \(choose\) to 1000/],
  ["too many shards", 'srcs = ["a.txt"], shards = 1001', /shards is a number from 0 \(choose\) to 1000/],
  ["a layout that there is not", 'srcs = ["a.txt"], layout = "dense"', /invalid value in 'layout' attribute/],
];

const IN_AN_ACTION: readonly (readonly [string, string, RegExp])[] = [
  [
    "an include without a match, strictly",
    'srcs = ["a.txt"], include = ["*.none"], strict = True',
    /^binaryfs: (?:pattern-unmatched|nothing-selected): .*\*\.none/,
  ],
  ["nothing selected", 'srcs = ["a.txt"], include = ["/b.txt"]', /^binaryfs: (?:nothing-selected|pattern-unmatched): /],
  ["nothing at all", "", /^binaryfs: nothing-selected: /],
  ["an empty pattern", 'srcs = ["a.txt"], include = [""]', /^binaryfs: \S+: /],
  ["a pattern that leads out", 'srcs = ["a.txt"], include = ["../x"]', /^binaryfs: include-outside-root: /],
  ["a directory where a file is expected", 'srcs = ["d"]', /^binaryfs: not-a-file: .*case\/d/],
  [
    "a file beneath a file",
    'files = {"a.txt": "/x", "b.txt": "/x/y"}',
    /^binaryfs: path-conflict: .*beneath \/x.*\/x\/y/,
  ],
  [
    "a file and a link for one path",
    'files = {"a.txt": "/x"}, symlinks = {"/x": "y"}',
    /^binaryfs: path-conflict: .*\/x/,
  ],
  ["a link that leads nowhere", 'srcs = ["a.txt"], symlinks = {"/x": ""}', /^binaryfs: usage: .*leads nowhere.*\/x/],
  ["a link with `..` in its path", 'srcs = ["a.txt"], symlinks = {"/x/../y": "z"}', /^binaryfs: usage: .*\/x\/\.\.\/y/],
  ["a secret", 'srcs = [".env"]', /^binaryfs: secrets-selected: .*\.env/],
  ["a relative host path", 'srcs = ["a.txt"], host_paths = ["etc"]', /^binaryfs: bad-host-path: .*etc/],
  ["a relative volume", 'srcs = ["a.txt"], volumes = ["data"]', /^binaryfs: bad-volume: .*data/],
  ["a name that is too long", `files = {"a.txt": "/${"n".repeat(300)}"}`, /^binaryfs: name-too-long: /],
];

const OF_A_RUN: readonly (readonly [string, string, RegExp])[] = [
  ["no command", "command = []", /command names a program in the image/],
  ["a name that no variable has", 'command = ["/x"], env = {"A-B": "1"}', /no name of a variable: "A-B"/],
  ["a volume without a place", 'command = ["/x"], volumes = ["/data"]', /a volume is GUEST=HOST here, not "\/data"/],
  ["a door for a sealed image", 'command = ["/x"], host_paths = ["/etc/hosts"]', /the image is sealed/],
];

describe.skipIf(bazelIsMissing)("broken input", () => {
  let workspace: BazelWorkspace;

  beforeAll(async () => {
    workspace = new BazelWorkspace();
    workspace.write({ "case/a.txt": "a\n", "case/b.txt": "b\n", "case/d/c.txt": "c\n", "case/.env": "A=1\n" });
    workspace.write({ "case/BUILD.bazel": `${LOAD}binary_fs(name = "good", srcs = ["a.txt"])\n` });
    const { status, stderr } = await workspace.build(["//case:good"]);
    expect(status, stderr).toBe(0);
  });
  afterAll(() => workspace.close());

  const buildFile = (attributes: string, more = ""): string =>
    `${LOAD}filegroup(name = "two", srcs = ["a.txt", "b.txt"])\nbinary_fs(name = "fs", ${attributes})\n${more}`;

  /** Lines of the message, without what belongs to Bazel. */
  const failing = async (attributes: string) => {
    workspace.write({ "case/BUILD.bazel": buildFile(attributes) });
    const { status, stderr } = await workspace.build(["//case:fs"]);
    expect(status, stderr).toBe(1);
    expect(stderr, "a stack of the engine").not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    for (const suffix of ["so", "digest", "contents.jsonl"]) {
      expect(existsSync(await workspace.output(`case/fs.${suffix}`)), suffix).toBe(false);
    }
    return stderr;
  };

  test.each(IN_ANALYSIS)("%s fails in analysis", async (_, attributes, said) => {
    const stderr = await failing(attributes);
    expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/^binaryfs: /m);
    expect(stderr.match(/^Error in fail: /gm)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test.each(IN_AN_ACTION)("%s fails in an action, with one line and its remedy", async (_, attributes, said) => {
    const stderr = await failing(attributes);
    const lines = stderr.split("\n").filter((line) => line.startsWith("binaryfs: "));
    expect(lines, stderr).toHaveLength(1);
    expect(lines[0]).toMatch(said);
    expect(stderr.split("\n")[stderr.split("\n").indexOf(lines[0] as string) + 1]).toMatch(/^ {2}[A-Z`].*\.$/);
  });

  test.each(OF_A_RUN)("%s of binary_fs_run fails in analysis", async (_, attributes, said) => {
    const sealed = 'srcs = ["a.txt"], sealed = True';
    workspace.write({
      "case/BUILD.bazel": buildFile(sealed, `binary_fs_run(name = "run", image = ":fs", ${attributes})`),
    });
    const { status, stderr } = await workspace.build(["//case:run"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(said);
  });

  test("a pattern without a match is a warning where nothing is said", async () => {
    workspace.write({ "case/BUILD.bazel": buildFile('srcs = ["a.txt"], exclude = ["*.none"]') });
    const { status, stderr } = await workspace.build(["//case:fs"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/\*\.none/);
  });

  test("links and directories alone are an image: no shard is packed", async () => {
    workspace.write({ "case/BUILD.bazel": buildFile('symlinks = {"/a": "b"}, directories = {"/d": "0700"}') });
    const { status, stderr, ran } = await workspace.build(["//case:fs"]);
    expect(status, stderr).toBe(0);
    expect(ran).toEqual(["BinaryFsLink fs.so"]);
    const contents = (await workspace.bytes("case/fs.contents.jsonl")).toString("latin1").trimEnd().split("\n");
    expect(contents.map((line) => JSON.parse(line).path)).toEqual(["/", "/a", "/d"]);
  });
});
