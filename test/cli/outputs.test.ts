import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useStandInRuntime } from "../inspect/sample.js";
import { temporaryDirectory } from "../link/stand-in.js";
import { commandLine, MAIN } from "./command-line.js";

const directory = temporaryDirectory("outputs");
const at = (name: string) => join(directory.path, name);
const binaryfs = commandLine(directory.path);

beforeAll(() => {
  useStandInRuntime(directory.path);
  mkdirSync(at("tree/usr/lib"), { recursive: true });
  mkdirSync(at("tree/app"));
  writeFileSync(at("tree/app/main"), "main");
  writeFileSync(at("tree/usr/lib/libx.so.1"), "library");
  symlinkSync("libx.so.1", at("tree/usr/lib/libx.so"));
  symlinkSync("usr/lib", at("tree/lib"));
});
afterAll(directory.dispose);

const build = (...args: string[]) => binaryfs(["build", "tree", "-o", "x.so", ...args]);
const events = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("an output that is there already", () => {
  it("and is a symlink is followed, to a file or to nothing yet", () => {
    mkdirSync(at("elsewhere"));
    symlinkSync("elsewhere/real.so", at("link.so"));
    for (const _ of [1, 2]) {
      expect(binaryfs(["build", "tree", "-o", "link.so"]).status).toBe(0);
      expect(lstatSync(at("link.so")).isSymbolicLink()).toBe(true);
      expect(lstatSync(at("elsewhere/real.so")).isFile()).toBe(true);
    }
  });

  it("and is a fifo is refused and stays", () => {
    spawnSync("mkfifo", [at("fifo")]);
    const refused = binaryfs(["build", "tree", "-o", "fifo"]);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("output-exists") });
    expect(lstatSync(at("fifo")).isFIFO()).toBe(true);
    expect(binaryfs(["build", "tree", "-o", "/dev/null"])).toMatchObject({ status: 1 });
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});

describe("standard output that is full", () => {
  it.each([["ls x.so"], ["cat x.so /app/main"], ["build tree -o x.so"]])("is an error of %s", (line) => {
    build();
    const script = `"${process.execPath}" "${MAIN}" ${line} > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", script], { cwd: directory.path, encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^binaryfs: no-space: [^\n]*\(standard output\)\n[^\n]*\n$/);
  });
});

describe("names that are not UTF-8", () => {
  it("may be ROOT, the output, the working directory and what is extracted to", () => {
    const script = `set -e; run() { "${process.execPath}" "${MAIN}" "$@" > /dev/null; }; b=$(printf 'b\\377'); cp -a tree "$b"
run build "$b" -o "$b.so"; run extract "$b.so" -o "$b.out"; cmp "$b.out/app/main" tree/app/main; cd "$b"; run build . -o in.so; test -f in.so`;
    expect(spawnSync("sh", ["-c", script], { cwd: directory.path, encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });
});

describe("warnings", () => {
  it("name a pattern below a symlinked directory that matches nothing, as an error under --strict", () => {
    expect(build("-i", "/app", "-i", "/lib/libno.so*").stderr).toContain("/lib/libno.so*");
    expect(build("--strict", "-i", "/app", "-i", "/lib/libno.so*")).toMatchObject({ status: 1 });
    expect(build("--strict", "-i", "/app", "-i", "/lib/libx.so*", "-i", "/lib")).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  it("name links whose target was left out, and stand before the result as JSON too", () => {
    const { stdout, stderr } = build("--json", "-i", "/usr/lib/lib?.so");
    const [warning, built] = events(stdout);
    expect(stderr).toContain("(/usr/lib/libx.so)");
    expect(warning).toMatchObject({ event: "warning", code: "symlink-target-unselected", path: "/usr/lib/libx.so" });
    expect(built).toMatchObject({ event: "built" });
    expect(build("-i", "/usr/lib/*").stderr).toBe("");
  });

  it("name doors that hide packed files", () => {
    expect(build("--host-path", "/app/main").stderr).toMatch(/hides packed files.*\/app\/main/);
    expect(build("--host-path", "/etc/resolv.conf").stderr).toBe("");
  });
});

describe("errors as JSON", () => {
  it("say what to do, and name every secret", () => {
    mkdirSync(at("secrets/.git"), { recursive: true });
    for (const name of [".env", ".npmrc", ".git/config"]) writeFileSync(at(`secrets/${name}`), "secret");
    const refused = binaryfs(["build", "secrets", "-o", "s.so", "--json"]);
    expect(refused.stderr).toContain("(/.env, /.git, /.npmrc)");
    expect(events(refused.stdout)).toMatchObject([
      {
        event: "error",
        code: "secrets-selected",
        remedy: expect.stringContaining("--allow-secrets"),
        paths: [{ path: "/.env" }, { path: "/.git" }, { path: "/.npmrc" }],
      },
    ]);
  });

  it("of verify come after a result that says the same", () => {
    build();
    const { status, stdout } = binaryfs(["verify", "--json", "--digest", "0".repeat(64), "x.so"]);
    expect(status).toBe(1);
    expect(events(stdout)).toMatchObject([
      { event: "verified", isValid: false, digestMatches: false },
      { event: "error", code: "digest-mismatch" },
    ]);
  });
});

describe("a library that was cut short", () => {
  it("is said to be, however short", () => {
    build();
    truncateSync(at("x.so"), 5000);
    for (const command of ["check", "ls", "verify"]) {
      expect(binaryfs([command, "x.so"])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("library-truncated"),
      });
    }
  });
});

describe("SCONE's form", () => {
  it("takes excludes, and does not pack its own OUTPUT, whichever run it is", () => {
    const contents = [1, 2].map(() => {
      expect(binaryfs(["./tree", "tree/out", "-e", "/app"]).status).toBe(0);
      expect(binaryfs(["link", "tree/out", "-o", "scone.so"]).status).toBe(0);
      return binaryfs(["ls", "scone.so"]).stdout;
    });
    expect(contents[0]).toBe("/\n/lib\n/usr\n/usr/lib\n/usr/lib/libx.so\n/usr/lib/libx.so.1\n");
    expect(contents[1]).toBe(contents[0]);
    rmSync(at("tree/out"), { recursive: true });
  });

  it("makes no OUTPUT when the selection fails", () => {
    expect(binaryfs(["./tree", "none", "-i", "/nothing"]).status).toBe(1);
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe("extract", () => {
  it("keeps large stretches of zeros as holes", () => {
    mkdirSync(at("sparse"));
    writeFileSync(at("sparse/f"), "begin");
    truncateSync(at("sparse/f"), 64 << 20);
    expect(binaryfs(["build", "sparse", "-o", "sparse.so"]).status).toBe(0);
    expect(binaryfs(["extract", "sparse.so", "-o", "sparse-out/"]).status).toBe(0);
    expect(statSync(at("sparse-out/f")).blocks).toBeLessThan(1024);
    expect(readFileSync(at("sparse-out/f")).equals(readFileSync(at("sparse/f")))).toBe(true);
  });
});

describe("a word that is no command", () => {
  it("is answered with the one that was meant", () => {
    expect(binaryfs(["biuld"]).stderr).toContain("did you mean `build`?");
    expect(binaryfs(["mesure", "x"]).stderr).toContain("did you mean `measure`?");
    expect(binaryfs(["ls", "--frob"]).stderr).toContain("`binaryfs ls --help`");
  });
});
