import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../src/build.js";
import type { Result } from "../../src/errors.js";
import { contentOf } from "../../src/image/decode-data.js";
import { describeNode } from "../../src/inspect/describe.js";
import { extract } from "../../src/inspect/extract.js";
import { lookup } from "../../src/inspect/lookup.js";
import { type OpenImage, openImage } from "../../src/inspect/open-image.js";
import { usageOf } from "../../src/inspect/usage.js";
import { verify } from "../../src/inspect/verify.js";
import { walk } from "../../src/inspect/walk.js";
import { temporaryDirectory } from "../link/stand-in.js";
import { BAD_NAME, makeSampleTree, useStandInRuntime } from "./sample.js";

const directory = temporaryDirectory("inspect");
const at = (name: string) => join(directory.path, name);
let tree: string;
let image: OpenImage;
let digest: string | undefined;

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify({ ...result.error, path: result.error.path?.toString() }));
  return result.value;
}
const root = () => ({ path: Buffer.from("/"), inode: must(image.view.root()) });
const find = (path: string, followLast = false) => lookup(image.view, Buffer.from(path), followLast);

beforeAll(async () => {
  useStandInRuntime(directory.path);
  tree = makeSampleTree(directory.path);
  const report = await build({
    root: tree,
    output: at("sample.so"),
    specials: "keep",
    sealed: true,
    hostPaths: ["/etc/hosts"],
    volumes: [{ guest: "/data" }, { guest: "/v", host: "/srv" }],
  });
  digest = must(report).digest;
  image = must(openImage(Buffer.from(at("sample.so"))));
});
afterAll(() => {
  image.close();
  directory.dispose();
});

describe("walk", () => {
  it("lists every node once, in byte order of the whole paths", () => {
    const paths = [...walk(image.view, root())].map((step) => must(step).path);
    const found = execFileSync("find", [tree, "-mindepth", "1", "-printf", "/%P\\0"])
      .toString("latin1")
      .split("\0")
      .slice(0, -1);
    const expected = ["/", ...found].map((path) => Buffer.from(path, "latin1")).sort(Buffer.compare);
    expect(paths.length).toBeGreaterThan(70);
    expect(paths.map((path) => path.toString("latin1"))).toEqual(expected.map((path) => path.toString("latin1")));
  });
});

describe("lookup", () => {
  it.each([
    ["/a/x", "/a/x"],
    ["a/x", "/a/x"],
    ["//a/./b/../x", "/a/x"],
    ["/../../a", "/a"],
    ["/absolute/big", "/a/b/big"],
    ["/a/link", "/a/link"],
    ["/absolute/", "/a/b"],
    ["", "/"],
  ])("resolves %s to %s", (path, expected) => {
    expect(must(find(path)).path.toString()).toBe(expected);
  });

  it("follows a symlink at the end on request alone", () => {
    expect(must(find("/a/link", true)).path.toString()).toBe("/a/x");
  });

  it.each([
    ["/nowhere", "ENOENT"],
    ["/a/x/y", "ENOTDIR"],
    ["/a/x/", "ENOTDIR"],
    ["/loop/x", "ELOOP"],
  ])("tells of %s: %s", (path, detail) => {
    expect(find(path)).toMatchObject({ ok: false, error: { code: "path-not-found", detail } });
  });

  it("finds names that are not UTF-8", () => {
    expect(must(lookup(image.view, BAD_NAME, false)).inode.sizeBytes).toBe(9);
  });
});

describe("describeNode", () => {
  it("knows all about a file", () => {
    expect(must(describeNode(image.view, must(find("/a/hard")), true))).toMatchObject({
      type: "file",
      mode: 0o644,
      sizeBytes: 6,
      nlink: 2,
      mtimeNs: 981_173_106_123_456_789n,
      sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    });
  });

  it("gives times before 1970 and sticky bits", () => {
    expect(must(describeNode(image.view, must(find("/empty")), true))).toMatchObject({
      mode: 0o1777,
      mtimeNs: -5_000_000_000n,
    });
  });
});

describe("declarations", () => {
  it("come back as they were given", () => {
    const text = image.view.declarations;
    expect(text.sealed).toBe(true);
    expect(text.hostPaths.map(String)).toEqual(["/etc/hosts"]);
    expect(text.volumes.map(({ guest, host }) => [String(guest), host && String(host)])).toEqual([
      ["/data", undefined],
      ["/v", "/srv"],
    ]);
  });
});

describe("contentOf", () => {
  it("gives a file's bytes in pieces", () => {
    const pieces = [...contentOf(image.view.source, must(find("/a/b/big")).inode, 1000)].map(must);
    expect(pieces.length).toBeGreaterThan(300);
    expect(Buffer.concat(pieces).equals(readFileSync(join(tree, "a/b/big")))).toBe(true);
  });
});

describe("usageOf", () => {
  it("adds up to the directories and counts hard links once", () => {
    const usages = new Map(must(usageOf(image.view, must(find("/a")))).map((usage) => [usage.path.toString(), usage]));
    expect(usages.get("/a/b")).toMatchObject({ sizeBytes: 300_001, nodes: 3, depth: 1 });
    expect(usages.get("/a")).toMatchObject({ sizeBytes: 300_001 + 6 + 1, nodes: 6, depth: 0 });
    expect(usages.get("/a/x")?.sizeBytes).toBe(0);
  });
});

const listing = (where: string): string =>
  execFileSync("sh", ["-c", "find . -printf '%P %m %s %T@ %n %y %l\\0' | sort -z | grep -zv '^ '"], { cwd: where })
    .toString("latin1")
    .replace(/ \d+ (\S+ \d+ d )/g, " $1");

describe("extract", () => {
  it("gives the tree back: contents, modes, times to the nanosecond, hard links, fifos", async () => {
    const extracted = must(await extract(image.view, root(), Buffer.from(at("out"))));
    expect(extracted.skipped).toEqual([]);
    expect(listing(at("out"))).toBe(listing(tree));
    // diff complains about fifos, which it will not read.
    expect(execFileSync("diff", ["-r", "--no-dereference", "--exclude=fifo", tree, at("out")]).toString()).toBe("");
  });

  it("extracts a single file", async () => {
    expect(must(await extract(image.view, must(find("/a/x")), Buffer.from(at("single")))).files).toBe(1);
    expect(readFileSync(at("single/x"), "utf8")).toBe("hello\n");
  });

  it("refuses a directory that is not empty, and leaves it alone", async () => {
    mkdirSync(at("full"));
    writeFileSync(at("full/mine"), "mine");
    expect(await extract(image.view, root(), Buffer.from(at("full")))).toMatchObject({
      ok: false,
      error: { code: "extract-refused" },
    });
    expect(execFileSync("ls", [at("full")]).toString()).toBe("mine\n");
  });
});

describe("verify", () => {
  it("finds nothing wrong, and the digest that the build printed", () => {
    const verification = must(verify(image));
    expect(verification.problems).toEqual([]);
    expect(verification.digest).toBe(digest);
    expect(verification.inodes).toBe(image.view.superblock.inodeCount);
    expect(verification.entries).toBeGreaterThan(verification.inodes);
  });
});
