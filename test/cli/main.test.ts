import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BAD_NAME, makeSampleTree, useStandInRuntime } from "../inspect/sample.js";
import { temporaryDirectory } from "../link/stand-in.js";
import { commandLine, MAIN } from "./command-line.js";

const directory = temporaryDirectory("cli");
const at = (name: string) => join(directory.path, name);

const binaryfs = commandLine(directory.path);
const lastJson = (stdout: string): Record<string, unknown> => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");

beforeAll(() => {
  expect(existsSync(MAIN), "run `npm run build` first").toBe(true);
  useStandInRuntime(directory.path);
  makeSampleTree(directory.path);
});
afterAll(directory.dispose);

describe("build", () => {
  it("ends with one summary line", () => {
    const { status, stdout, stderr } = binaryfs(["build", "tree", "-o", "app.so"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^\S+app\.so: \d+ files, .*re-emitted .*sha256:[0-9a-f]{64}, \d+ ms \((\w+ \d+ ms(, )?)+\)\n$/,
    );
    expect(stderr).toContain("skipped a special file");
    expect(binaryfs(["build", "tree", "-o", "app.so"]).stdout).toContain(", up to date, sha256:");
  });

  it("keeps a state, or none, and lays out as asked", () => {
    const built = (...args: string[]) => lastJson(binaryfs(["build", "tree", "-o", "l.so", "--json", ...args]).stdout);
    const first = built("--state", "kept");
    expect(first).toMatchObject({ upToDate: false, method: "new" });
    expect(built("--state", "kept")).toMatchObject({ upToDate: true, method: "none", digest: first["digest"] });
    expect(built("--no-state")).toMatchObject({ upToDate: false, method: "new", digest: first["digest"] });
    expect(built("--layout", "stable", "--no-state")["digest"]).toBe(first["digest"]);
    expect(built("--layout", "compact", "--no-state")["digest"]).not.toBe(first["digest"]);
    mkdirSync(at("open"), { mode: 0o777 });
    chmodSync(at("open"), 0o777);
    expect(binaryfs(["build", "tree", "-o", "l.so", "--state", "open"])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^binaryfs: state-unusable: .*other users may write/),
    });
  });

  it("shows, trims and empties the store", () => {
    for (const action of ["stats", "gc", "clear"]) {
      const { status, stdout } = binaryfs(["cache", action, "--state", "kept", "--json"]);
      expect(status).toBe(0);
      expect(lastJson(stdout)).toMatchObject({ event: "cache", action, entries: expect.any(Number) });
    }
    expect(binaryfs(["cache", "stats", "--state", "kept"]).stdout).toMatch(/kept\/store: 0 entries, 0 B\n$/);
  });

  it("--json prints objects alone, and what verify finds", () => {
    const { status, stdout } = binaryfs(["build", "tree", "-o", "app.so", "--json"]);
    expect(status).toBe(0);
    const built = lastJson(stdout);
    expect(built).toMatchObject({
      event: "built",
      library: at("app.so"),
      files: expect.any(Number),
      stages: expect.any(Object),
    });
    expect(lastJson(binaryfs(["verify", "app.so", "--json"]).stdout)).toMatchObject({
      isValid: true,
      digest: built["digest"],
    });
    expect(binaryfs(["verify", "app.so", "--digest", String(built["digest"])]).status).toBe(0);
  });

  it("lets flags come after the configuration, which is found by itself", () => {
    mkdirSync(at("with-config"));
    writeFileSync(
      at("with-config/binaryfs.config.json"),
      '{"root":"../tree","output":"c.so","rules":[{"include":"/a"}]}',
    );
    const run = spawnSync(process.execPath, [MAIN, "build", "-e", "/a/b"], {
      cwd: at("with-config"),
      encoding: "utf8",
    });
    expect(run.status).toBe(0);
    expect(binaryfs(["ls", "with-config/c.so"]).stdout).toBe("/\n/a\n/a/hard\n/a/link\n/a/x\n");
  });

  it("takes names that are not UTF-8 from the command line", () => {
    const script = `exec "${process.execPath}" "${MAIN}" build tree -o bad.so -i "/$(printf 'bad\\377')"`;
    expect(spawnSync("sh", ["-c", script], { cwd: directory.path }).status).toBe(0);
    expect(binaryfs(["ls", "bad.so"]).stdout).toBe(`/\n/${BAD_NAME.toString("latin1")}\n`);
  });

  it("refuses secrets, names the first, and takes them when they are allowed", () => {
    mkdirSync(at("secret/app"), { recursive: true });
    writeFileSync(at("secret/app/.env"), "TOKEN=1");
    const refused = binaryfs(["build", "secret", "-o", "s.so"]);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^binaryfs: secrets-selected: .*\/app\/\.env/);
    expect(existsSync(at("s.so"))).toBe(false);
    expect(binaryfs(["build", "secret", "-o", "s.so", "--allow-secrets", "*/.env"]).status).toBe(0);
    expect(binaryfs(["build", "secret", "-o", "s.so", "-i", "/app/.env"]).status).toBe(0);
    expect(binaryfs(["./secret", "scone-secret"])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("secret"),
    });
  });

  it("--mtime clamp needs SOURCE_DATE_EPOCH, which sets it by itself", () => {
    expect(binaryfs(["build", "tree", "-o", "m.so", "--mtime", "clamp"])).toMatchObject({ status: 2 });
    expect(binaryfs(["build", "tree", "-o", "m.so"], { SOURCE_DATE_EPOCH: "1000" }).status).toBe(0);
    expect(lastJson(binaryfs(["stat", "m.so", "/a/x", "--json"]).stdout)["mtimeNs"]).toBe("1000000000000");
  });
});

describe("SCONE's form", () => {
  it("writes the three artefacts, which link compiles", () => {
    writeFileSync(at("args"), "--include\n/a/*\n-h\n/etc/hosts\n");
    expect(binaryfs(["./tree", "out", "@args", "-h", "/etc/resolv.conf", "-v"]).status).toBe(0);
    expect(binaryfs(["link", "out", "-o", "linked.so"]).status).toBe(0);
    expect(binaryfs(["ls", "linked.so", "/a"]).stdout).toContain("/a/b/big\n");
    expect(binaryfs(["check", "linked.so"]).stdout).toMatch(
      /host path \/etc\/hosts .*\n.*host path \/etc\/resolv\.conf/,
    );
  });

  it("writes a .c file that compiles by itself", () => {
    expect(binaryfs(["./tree", "fs.c", "--include", "/a/x"]).status).toBe(0);
    const compiled = spawnSync("gcc", ["-shared", "-fPIC", "fs.c", "-o", "c.so"], {
      cwd: directory.path,
      encoding: "utf8",
    });
    expect(compiled).toMatchObject({ status: 0, stderr: "" });
    expect(binaryfs(["cat", "c.so", "/a/x"]).stdout).toBe("hello\n");
  });
});

describe("reading commands", () => {
  beforeAll(() => void binaryfs(["build", "tree", "-o", "app.so", "--specials", "keep"]));

  it("ls -0 keeps names with newlines apart", () => {
    expect(binaryfs(["ls", "-0", "app.so"]).stdout.split("\0")).toContain("/new\nline");
  });

  it("ls --json has a node a line", () => {
    const { stdout } = binaryfs(["ls", "--json", "app.so", "/a"]);
    const nodes = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(nodes.map(({ path }) => path)).toEqual([
      "/a",
      "/a/b",
      "/a/b/big",
      "/a/b/nothing",
      "/a/hard",
      "/a/link",
      "/a/x",
    ]);
    expect(nodes[6]).toMatchObject({
      type: "file",
      mode: "0644",
      size: 6,
      nlink: 2,
      sha256: expect.stringMatching(/^5891b5b5/),
    });
    expect(nodes[5]).toMatchObject({ type: "symlink", target: "x" });
  });

  it("tree draws, du adds up, stat tells, cat prints, check lists doors", () => {
    expect(binaryfs(["tree", "app.so", "/a"]).stdout).toContain(Buffer.from("├── hard\n").toString("latin1"));
    expect(binaryfs(["du", "-b", "app.so", "/a"]).stdout).toMatch(/^ +300008 {2}\/a\n +300001 {2}\/a\/b\n$/);
    expect(binaryfs(["stat", "app.so", "a/link"]).stdout).toContain("/a/link -> x");
    expect(binaryfs(["cat", "app.so", "/a/link", "/a/hard"]).stdout).toBe("hello\nhello\n");
    expect(binaryfs(["check", "app.so"]).stdout).toContain("doors to the host: none declared");
  });

  it("says nothing when its reader goes away", () => {
    const script = `"${process.execPath}" "${MAIN}" cat app.so /a/b/big /a/b/big /a/b/big | head -c 5`;
    expect(spawnSync("sh", ["-c", script], { cwd: directory.path, encoding: "utf8" })).toMatchObject({
      stdout: "01234",
      stderr: "",
    });
  });

  it("extract needs a new directory", () => {
    expect(binaryfs(["extract", "app.so", "-o", "extracted"]).status).toBe(0);
    expect(readFileSync(at("extracted/a/x"), "utf8")).toBe("hello\n");
    expect(binaryfs(["extract", "app.so", "-o", "extracted"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("extract-refused"),
    });
    rmSync(at("extracted"), { recursive: true });
  });
});

describe("check of a program", () => {
  it("tells kind, interpreter and libraries", () => {
    const { status, stdout } = binaryfs(["check", "/bin/sh"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/executable/);
    expect(stdout).toMatch(/library libc\.so\.6 => \//);
    expect(stdout).toMatch(/kernel: ok +seccomp/);
  });
});

describe("exit status and messages", () => {
  it.each([
    [[], 2, "usage"],
    [["frob"], 2, "usage"],
    [["a", "b", "c"], 2, "usage"],
    [["ls"], 2, "usage"],
    [["ls", "--frob", "x"], 2, "usage"],
    [["watch", "."], 2, "usage"],
    [["run", "app.so"], 2, "usage"],
    [["run", "--export-overlay", "d", "--export-overlay", "e", "app.so", "--", "true"], 2, "usage"],
    [["run", "missing.so", "--", "true"], 125, "path-not-found"],
    [["ls", "missing.so"], 1, "path-not-found"],
    [["ls", "args"], 1, "not-a-library"],
    [["cat", "app.so", "/a"], 1, "not-a-file"],
    [["build", "missing", "-o", "x.so"], 1, "root-missing"],
    [["build", "tree", "-o", "x.so", "-i", "/nothing/there"], 1, "nothing-selected"],
    [["build", "tree", "-o", "x.so", "--strict", "-i", "/a", "-i", "/nothing"], 1, "pattern-unmatched"],
    [["build", "tree", "-o", "x.so", "--owner", "me"], 2, "usage"],
    [["build", "tree", "-o", ""], 2, "usage"],
    [["build", "", "-o", "x.so"], 2, "usage"],
    [["build", "tree", "-o", "x.so", "-i", ""], 2, "usage"],
    [["build", "tree", "-o", "x.so", "-e", ""], 2, "usage"],
    [["build", "tree", "-o", "x.so", "--host-path="], 2, "usage"],
    [["build", "tree", "-o", "x.so", "-o", "y.so"], 2, "usage"],
    [["build", "tree", "-o", "x.so", "--cc", "gcc"], 2, "usage"],
    [["build", "tree", "-o", "x.so", "--layout", "dense"], 2, "usage"],
    [["watch", "missing", "-o", "x.so", "--no-state"], 1, "root-missing"],
    [["watch", "tree", "-o", "x.so", "more"], 2, "usage"],
    [["watch", "tree", "-o", "x.so", "--"], 2, "usage"],
    [["watch", "tree", "-o", "x.so", "--kill-after", "soon"], 2, "usage"],
    [["watch", "tree", "-o", "no/where/x.so"], 1, "output-unwritable"],
    [["watch", "tree"], 2, "usage"],
    [["cache"], 2, "usage"],
    [["cache", "shrink"], 2, "usage"],
    [["cache", "stats", "--limit", "1G"], 2, "usage"],
    [["cache", "gc", "--limit", "much"], 2, "usage"],
    [["build", "tree", "-o", "x.so", "--remote-cache", "x"], 2, "usage"],
    [["build", "tree", "-o", "x.so", "--host-path", "rel"], 2, "bad-host-path"],
    [["build", "tree", "-o", "x.so", "--host-path", "/"], 2, "bad-host-path"],
    [["build", "tree", "-o", "x.so", "--host-path", "/proc/self"], 2, "bad-host-path"],
    [["build", "tree", "-o", "x.so", "--volume", "/=/tmp"], 2, "bad-volume"],
    [["build", "tree", "-o", "x.so", "--volume", "rel"], 2, "bad-volume"],
    [["build", "tree", "-o", "x.so", "-i", "../x"], 1, "include-outside-root"],
    [["build", "tree", "-o", "x.so", "--selection", "nope"], 1, "unreadable"],
    [["build", "tree", "-o", "x.so", "--ignore-file", "nope"], 1, "unreadable"],
    [["run", "--volume", "bad", "app.so", "--", "true"], 2, "bad-volume"],
    [["run", "--overlay-size", "0", "app.so", "--", "true"], 2, "usage"],
    [["verify", "app.so", "--digest", "0".repeat(64)], 1, "digest-mismatch"],
    [["mesure", "x"], 2, "usage"],
    [["link", "tree", "-o", "x.so"], 1, "path-not-found"],
  ])("%j ends with %d: %s", (args, expected, code) => {
    const { status, stdout, stderr } = binaryfs(args);
    expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^binaryfs: ${code}: [^\\n]+\\n {2}[^\\n]+\\n$`));
    expect(existsSync(at("x.so"))).toBe(false);
  });

  it("prints a stack trace for -vv alone", () => {
    expect(binaryfs(["link", "nowhere", "-o", "x.so", "-vv"]).stderr).toMatch(/\n +at /);
    expect(binaryfs(["link", "nowhere", "-o", "x.so", "-v"]).stderr).not.toMatch(/\n +at /);
  });

  it("helps and tells its version", () => {
    expect(binaryfs(["--help"])).toMatchObject({ status: 0, stdout: expect.stringContaining("Usage:") });
    expect(binaryfs(["build", "-h"])).toMatchObject({ status: 0, stdout: expect.stringContaining("binaryfs build") });
    expect(binaryfs(["--version"]).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("run gives the program's own status", () => {
    // The stand-in launcher has no image and always ends with 43.
    expect(binaryfs(["run", "app.so", "--", "true"]).status).toBe(43);
  });
});
