import { execFileSync } from "node:child_process";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Tree } from "../../src/model.js";
import { type SelectOptions, select } from "../../src/select/select.js";
import { nested, nodeAt, selectedPaths as paths } from "./nested.js";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-select-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, content = path): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};
const include = (pattern: string) => ({ kind: "include", pattern }) as const;
const exclude = (pattern: string) => ({ kind: "exclude", pattern }) as const;

function selected(options: Partial<SelectOptions> = {}): Tree {
  const tree = select({ root, ...options });
  if (!tree.ok) throw new Error(`${tree.error.code} ${tree.error.path ?? ""} ${tree.error.detail ?? ""}`);
  return tree.value;
}
const errorOf = (options: Partial<SelectOptions>) => {
  const tree = select({ root, ...options });
  return tree.ok ? undefined : tree.error;
};

describe("rules", () => {
  beforeEach(() => {
    for (const path of ["a/one.py", "a/one.pyc", "a/sub/two.py", "b/three.py", "c.txt"]) put(path);
  });

  test("no rule selects the whole of ROOT, in byte order", () => {
    expect(paths(selected())).toEqual([
      "/a/",
      "/a/one.py",
      "/a/one.pyc",
      "/a/sub/",
      "/a/sub/two.py",
      "/b/",
      "/b/three.py",
      "/c.txt",
    ]);
  });

  test("an include selects its matches and their parents alone", () => {
    expect(paths(selected({ rules: [include("/a/sub")] }))).toEqual(["/a/", "/a/sub/", "/a/sub/two.py"]);
  });

  test("the last match wins, both ways", () => {
    const rules = [include("/a"), exclude("*.py"), include("/a/sub/*")];
    expect(paths(selected({ rules }))).toEqual(["/a/", "/a/one.pyc", "/a/sub/", "/a/sub/two.py"]);
  });

  test("excludes alone take away from the whole", () => {
    expect(paths(selected({ rules: [exclude("/a"), exclude("*.txt")] }))).toEqual(["/b/", "/b/three.py"]);
  });

  test("a relative pattern is taken from ROOT, with or without ./", () => {
    expect(paths(selected({ rules: [include("./b/"), include("c.txt")] }))).toEqual(["/b/", "/b/three.py", "/c.txt"]);
  });

  test("an ignore file takes away what rules selected, and its negations give back", () => {
    put(".ignore", "*.py\n!three.py\n/c.txt\n.ignore\n");
    expect(paths(selected({ ignoreFiles: [join(root, ".ignore")] }))).toEqual([
      "/a/",
      "/a/one.pyc",
      "/a/sub/",
      "/b/",
      "/b/three.py",
    ]);
  });

  test("a pattern without a match is a warning, an error when strict", () => {
    const rules = [include("/a"), include("/nothing*")];
    expect(selected({ rules }).warnings).toEqual([{ code: "pattern-unmatched", detail: "/nothing*" }]);
    expect(errorOf({ rules, strict: true })).toMatchObject({ code: "pattern-unmatched", detail: "/nothing*" });
  });

  test("an empty pattern is wrong usage", () => {
    expect(errorOf({ rules: [include("")] })?.code).toBe("usage");
  });

  test("a link on the way is no match, a link that is named is one", () => {
    put("usr/lib/libx.so");
    symlinkSync("usr/lib", join(root, "lib"));
    symlinkSync("nowhere", join(root, "dangling"));
    const unmatched = (pattern: string) =>
      selected({ rules: [include("/a"), include(pattern)] }).warnings.filter(
        ({ code }) => code === "pattern-unmatched",
      );
    expect(unmatched("/lib/libno.so*")).toEqual([{ code: "pattern-unmatched", detail: "/lib/libno.so*" }]);
    for (const pattern of ["/lib/libx*", "/lib/libx.so", "/lib", "/dangling"]) expect(unmatched(pattern)).toEqual([]);
  });

  test("a rule overridden by a later one still counts as matched", () => {
    expect(selected({ rules: [include("/a/one.py"), include("/a"), include("/b"), exclude("/b")] }).warnings).toEqual(
      [],
    );
  });

  test("what is not selected is not even looked at", () => {
    mkdirSync(join(root, "b/closed"));
    execFileSync("chmod", ["000", join(root, "b/closed")]);
    expect(paths(selected({ rules: [include("/a/sub")] }))).toHaveLength(3);
  });
});

describe("errors", () => {
  test("each has its code", () => {
    put("file");
    expect(errorOf({ root: join(root, "none") })?.code).toBe("root-missing");
    expect(errorOf({ root: join(root, "file") })?.code).toBe("root-not-directory");
    expect(errorOf({ rules: [include("/../x")] })?.code).toBe("include-outside-root");
    expect(errorOf({ rules: [include("/nothing")] })?.code).toBe("nothing-selected");
    expect(errorOf({ hostPaths: ["etc/hosts"] })?.code).toBe("bad-host-path");
    for (const path of ["/", "//.", "/proc", "/proc/self", "/a/../b", `/${"n".repeat(4095)}`]) {
      expect(errorOf({ hostPaths: [path] })?.code).toBe("bad-host-path");
      expect(errorOf({ volumes: [{ guest: path }] })?.code).toBe("bad-volume");
    }
    expect(errorOf({ hostPaths: Array.from({ length: 257 }, (_, index) => `/h${index}`) })?.code).toBe("bad-host-path");
    expect(errorOf({ volumes: [{ guest: "/data", host: "relative" }] })?.code).toBe("bad-volume");
  });

  test("a path beyond the kernel's limit is reported, not dropped", () => {
    // Made with relative names, since no absolute one reaches so deep.
    execFileSync("sh", [
      "-c",
      `cd "$1"; n=$(printf '%0250d' 0); for i in $(seq 18); do mkdir $n; cd -P $n; done`,
      "sh",
      root,
    ]);
    expect(errorOf({})).toMatchObject({ code: "unreadable", detail: "ENAMETOOLONG" });
    execFileSync("rm", ["-rf", root]);
  });
});

describe("symlinks in patterns", () => {
  beforeEach(() => {
    put("usr/lib/libz.so.1.3");
    put("usr/lib/other");
    symlinkSync("libz.so.1.3", join(root, "usr/lib/libz.so.1"));
    symlinkSync("usr/lib", join(root, "lib"));
  });

  test("an include through a link takes the link and the chain to the file", () => {
    expect(paths(selected({ rules: [include("/lib/libz.so.1")] }))).toEqual([
      "/lib",
      "/usr/",
      "/usr/lib/",
      "/usr/lib/libz.so.1",
      "/usr/lib/libz.so.1.3",
    ]);
  });

  test("a glob behind a link matches in the real directory", () => {
    expect(paths(selected({ rules: [include("/lib/libz*")] }))).toContain("/usr/lib/libz.so.1.3");
  });

  test("an include that names a linked directory takes its contents", () => {
    expect(paths(selected({ rules: [include("/lib")] }))).toContain("/usr/lib/other");
  });

  test("an exclude through a link excludes in the real directory and keeps the link", () => {
    const found = paths(selected({ rules: [exclude("/lib/other")] }));
    expect(found).toContain("/lib");
    expect(found).not.toContain("/usr/lib/other");
  });

  test("a loop of links ends", () => {
    symlinkSync("loop", join(root, "loop"));
    expect(paths(selected({ rules: [include("/loop")] }))).toEqual(["/loop"]);
  });
});

describe("nodes", () => {
  test("names keep bytes that are not UTF-8", () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x80])]), "x");
    expect(nested(selected()).children?.[0]?.name).toEqual(Buffer.from([0xff, 0x80]));
  });

  test("hard links show the same inode", () => {
    put("a/one");
    linkSync(join(root, "a/one"), join(root, "two"));
    const tree = selected();
    expect(nodeAt(tree, "/a/one").inode).toBe(nodeAt(tree, "/two").inode);
    expect(tree.fileCount).toBe(2);
  });

  test("empty directories stay", () => {
    mkdirSync(join(root, "empty"));
    expect(paths(selected())).toEqual(["/empty/"]);
  });

  test("special files are skipped with a warning, and kept on request", () => {
    put("file");
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect(selected().warnings).toEqual([{ code: "special-skipped", path: Buffer.from("/pipe"), detail: "fifo" }]);
    expect(nodeAt(selected({ specials: "keep" }), "/pipe").type).toBe("fifo");
  });

  test("links into ROOT by its host path are rewritten; those that leave it warn", () => {
    put("lib/x");
    mkdirSync(join(root, "bin"));
    symlinkSync(join(root, "lib/x"), join(root, "bin/x"));
    symlinkSync("/nowhere/else", join(root, "bin/y"));
    const tree = selected();
    expect(nodeAt(tree, "/bin/x").target?.toString()).toBe("/lib/x");
    expect(tree.warnings).toEqual([
      { code: "symlink-leaves-root", path: Buffer.from("/bin/y"), detail: "/nowhere/else" },
    ]);
    const preserved = selected({ preserveSymlinks: true });
    expect(nodeAt(preserved, "/bin/x").target?.toString()).toBe(join(root, "lib/x"));
  });

  test("owner and mtime policies", () => {
    put("old.py");
    put("new.py");
    put("old.pyc");
    utimesSync(join(root, "old.py"), 100, 100.5);
    const clamped = selected({ mtime: { kind: "clamp", epochSeconds: 1000 }, owner: "root" });
    expect(nodeAt(clamped, "/old.py")).toMatchObject({ mtimeSeconds: 100, mtimeNsec: 500_000_000, uid: 0, gid: 0 });
    expect(nodeAt(clamped, "/new.py")).toMatchObject({ mtimeSeconds: 1000, mtimeNsec: 0 });
    expect(clamped.warnings).toEqual([{ code: "mtime-makes-pyc-stale", path: Buffer.from("/old.pyc") }]);
    expect(nodeAt(selected({ mtime: { kind: "set", epochSeconds: 5 } }), "/old.py")).toMatchObject({
      mtimeSeconds: 5,
      mtimeNsec: 0,
    });
    expect(selected().warnings).toEqual([]);
    const { mtimeSeconds, mtimeNsec } = nodeAt(selected(), "/new.py");
    const { mtimeNs } = lstatSync(join(root, "new.py"), { bigint: true });
    expect(BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNsec)).toBe(mtimeNs);
  });

  test("the output and its temporaries are never selected", () => {
    for (const name of ["out.so", ".out.so.binaryfs-1-ab.tmp", ".binaryfs-out.so/spare", "out.so.keep", "file"])
      put(name);
    expect(paths(selected({ outputs: [Buffer.from(join(root, "out.so"))] }))).toEqual(["/file", "/out.so.keep"]);
  });

  test("secrets are an error until they are named", () => {
    put("app/.env");
    put("app/main.py");
    expect(errorOf({})).toMatchObject({ code: "secrets-selected", path: Buffer.from("/app/.env") });
    expect(paths(selected({ allowSecrets: [".env"] }))).toContain("/app/.env");
    expect(paths(selected({ rules: [include("/app/.env")] }))).toContain("/app/.env");
    expect(paths(selected({ rules: [exclude(".env"), exclude("*/.env")] }))).not.toContain("/app/.env");
    expect(selected({ secrets: "warn" }).warnings).toMatchObject([{ code: "secrets-selected" }]);
  });

  test("declarations are sorted and without repetition", () => {
    put("file");
    const { declarations } = selected({
      hostPaths: ["/etc/resolv.conf", "/dev/", "/dev"],
      volumes: [{ guest: "/data" }],
    });
    expect(declarations.hostPaths.map(String)).toEqual(["/dev", "/etc/resolv.conf"]);
    expect(declarations.volumes).toEqual([{ guest: Buffer.from("/data") }]);
  });
});

test("extended attributes that the globs name are taken", (context) => {
  put("file");
  const set = `import os; os.setxattr(${JSON.stringify(join(root, "file"))}, "user.colour", b"red\\0"); os.setxattr(${JSON.stringify(join(root, "file"))}, "user.other", b"")`;
  try {
    execFileSync("python3", ["-c", set], { stdio: "ignore" });
  } catch {
    context.skip("no user attributes on this file system");
  }
  expect(nodeAt(selected({ xattrs: ["user.c*"] }), "/file").xattrs).toEqual([
    { name: Buffer.from("user.colour"), value: Buffer.from("red\0") },
  ]);
  expect(nodeAt(selected({ xattrs: ["user.*"] }), "/file").xattrs).toHaveLength(2);
  expect(nodeAt(selected(), "/file").xattrs).toBeUndefined();
});
