/** `run` and the launcher's variables with the real runtime: what one side writes, the other reads. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run, temporaryDirectory } from "../link/stand-in.js";
import { commandLine, MAIN } from "./command-line.js";

const directory = temporaryDirectory("run");
const at = (name: string) => join(directory.path, name);
const binaryfs = commandLine(directory.path);
/** Everything that one of the two formats gives a meaning. */
const AWKWARD = "b:c=d\\e\\:f\\=g";

beforeAll(() => {
  mkdirSync(at("root/bin"), { recursive: true });
  mkdirSync(at(AWKWARD));
  writeFileSync(at(`${AWKWARD}/file`), "of the host's volume");
  const program = join(import.meta.dirname, "../build/last.c");
  expect(run("gcc", ["-O1", "-static", "-o", at("root/bin/last"), program])).toMatchObject({ status: 0 });
  expect(binaryfs(["build", "root", "-o", "app.so"])).toMatchObject({ status: 0 });
});
afterAll(directory.dispose);

describe("a volume", () => {
  it("may have equals signs, colons and backslashes in both its paths", () => {
    const volume = `/a\\=b:c=${at(AWKWARD)}`;
    expect(binaryfs(["run", "--volume", volume, "app.so", "--", "/bin/last", "/a=b:c/file"])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("lume"),
    });
  });

  it("is divided at the first equals sign that has no backslash, by the launcher itself too", () => {
    const host = at(AWKWARD).replace(/[\\:]/g, "\\$&");
    const env = { ...process.env, BINARYFS_VOLUMES: `/x\\=y=${host}` };
    expect(run(at("app.so"), ["/bin/last", "/x=y/file"], { env })).toMatchObject({ status: 0 });
  });
});

describe("names that are not UTF-8", () => {
  it("reach the launcher and the program as they are: library, volume, arguments", () => {
    const script = `set -e; b=$(printf 'b\\377'); cp app.so "$b.so"; mkdir "$b"; echo through > "$b/$b
"
"${process.execPath}" "${MAIN}" run --volume "/$b=$PWD/$b" --env "B=$b" "$b.so" -- /bin/last "/$b/$b
"`;
    expect(spawnSync("sh", ["-c", script], { cwd: directory.path, encoding: "utf8" })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("ugh"),
      stderr: "",
    });
  });
});

describe("--overlay-size", () => {
  it.each(["1M", "1MiB", "1m", "4096", "1GiB", "64KB"])("takes %s, as the launcher does", (size) => {
    const line = ["run", "--overlay-size", size, "app.so", "--", "/bin/last", "/bin/last"];
    expect(binaryfs(line)).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("check", () => {
  it("says that a sealed image still lets the first program come from the host", () => {
    expect(binaryfs(["build", "root", "-o", "sealed.so", "--sealed"])).toMatchObject({ status: 0 });
    expect(binaryfs(["check", "sealed.so"]).stdout).toMatch(/may come from the host.*--hermetic/);
  });
});
