import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { build, pack } from "../../src/build.js";
import type { BuildOptions } from "../../src/engine/options.js";
import { ARCHIVE_NAME, ASSEMBLY_NAME, BLOB_NAME } from "../../src/link/artefacts.js";
import { NATIVE_HEAD_BYTES } from "../../src/link/native.js";

let directory: string;
let root: string;
let output: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-build-")));
  root = join(directory, "root");
  output = join(directory, "out", "libx.so");
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "empty"));
  mkdirSync(join(directory, "out"));
  writeFileSync(join(root, "bin", "tool"), "x".repeat(10_000), { mode: 0o755 });
  linkSync(join(root, "bin", "tool"), join(root, "bin", "same"));
  symlinkSync("bin/tool", join(root, "link"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function built(options: Partial<BuildOptions> = {}, how = build) {
  const report = await how({ root, output, ...options });
  if (!report.ok) throw new Error(`${report.error.code} ${report.error.path ?? ""} ${report.error.detail ?? ""}`);
  return report.value;
}
const outputs = (): string[] => readdirSync(join(directory, "out")).sort();

describe("build", () => {
  test("makes one library, with a report of what is in it", async () => {
    const report = await built();
    expect(outputs()).toEqual(["libx.so"]);
    expect(statSync(output).size).toBe(NATIVE_HEAD_BYTES + report.imageBytes);
    expect(statSync(output).mode & 0o111).not.toBe(0);
    expect(report).toMatchObject({ files: 3, segmentsEmitted: 2, segmentsTotal: 2, method: "new", warnings: [] });
    expect(report.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.keys(report.stages)).toEqual(["state", "select", "plan", "serialize", "link", "publish"]);
    expect(readFileSync(output).toString("latin1", NATIVE_HEAD_BYTES, NATIVE_HEAD_BYTES + 8)).toBe("BINARYFS");
  });

  test("the same tree elsewhere, made in another order, gives the same bytes", async () => {
    const first = await built();
    const other = join(directory, "elsewhere", "deeper");
    mkdirSync(join(directory, "elsewhere"));
    execFileSync("cp", ["-a", root, other]);
    const names = ["z", "a", "m"];
    for (const name of names) writeFileSync(join(root, name), name);
    for (const name of names.reverse()) execFileSync("cp", ["-a", join(root, name), join(other, name)]);
    execFileSync("touch", ["-r", root, other]);
    const third = join(directory, "out", "third.so");
    const [one, two] = [await built(), await built({ root: other, output: third, threads: 2 })];
    expect(one.digest).toBe(two.digest);
    expect(one.digest).not.toBe(first.digest);
    expect(readFileSync(output).equals(readFileSync(third))).toBe(true);
  });

  test("umask, time zone and locale leave no trace", async () => {
    const { digest } = await built();
    const main = new URL("../../dist/build.js", import.meta.url).href;
    const script = `import(${JSON.stringify(main)}).then(({ build }) => build({ root: ${JSON.stringify(root)}, output: ${JSON.stringify(`${output}2`)} })).then((r) => console.log(r.value.digest))`;
    const env = { ...process.env, TZ: "Asia/Kathmandu", LC_ALL: "tr_TR.UTF-8" };
    const run = spawnSync("sh", ["-c", 'umask 077; exec node -e "$1"', "sh", script], { env, encoding: "utf8" });
    expect(run.stdout.trim()).toBe(digest);
    expect(statSync(`${output}2`).mode & 0o777).toBe(0o700);
  });

  test.each<[string, Partial<BuildOptions>]>([
    ["nothing-selected", { rules: [{ kind: "include", pattern: "/nothing" }] }],
    ["include-outside-root", { rules: [{ kind: "include", pattern: "/../etc" }] }],
    ["root-missing", { root: "/nonexistent" }],
    ["state-unusable", { state: "/dev/null" }],
    ["interrupted", { signal: AbortSignal.abort() }],
  ])("an error (%s) touches no output", async (code, options) => {
    writeFileSync(output, "old");
    const report = await build({ root, output, ...options });
    expect(report).toMatchObject({ ok: false, error: { code } });
    expect(outputs()).toEqual(["libx.so"]);
    expect(readFileSync(output, "latin1")).toBe("old");
  });

  test("an output in no directory, or that is one, is output-unwritable", async () => {
    expect(await build({ root, output: join(directory, "none", "x.so") })).toMatchObject({
      error: { code: "output-unwritable" },
    });
    expect(await build({ root, output: join(directory, "out") })).toMatchObject({
      error: { code: "output-unwritable" },
    });
    expect(readdirSync(directory).sort()).toEqual(["out", "root"]);
  });

  test.skipIf(process.getuid?.() === 0)("an unreadable file is an error with its path", async () => {
    chmodSync(join(root, "bin", "tool"), 0);
    expect(await build({ root, output })).toMatchObject({
      error: { code: "unreadable", path: Buffer.from(join(root, "bin", "same")) },
    });
    expect(outputs()).toEqual([]);
  });

  test("a library inside ROOT does not contain itself", async () => {
    const inside = join(root, "libself.so");
    const first = await built({ output: inside });
    const second = await built({ output: inside });
    expect(second.files).toBe(first.files);
  });

  test("killed in the middle, it leaves the old library and no temporary", async () => {
    writeFileSync(output, "old");
    writeFileSync(join(root, "big"), "");
    execFileSync("truncate", ["-s", "4G", join(root, "big")]);
    const main = new URL("../../dist/build.js", import.meta.url).href;
    const script = `import(${JSON.stringify(main)}).then(({ build }) => build({ root: ${JSON.stringify(root)}, output: ${JSON.stringify(output)}, onProgress: ({ stage, done }) => stage === "serialize" && done > 0 && process.stdout.write("x") }))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    expect(outputs()).toHaveLength(2);
    child.kill("SIGTERM");
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGTERM");
    expect(outputs()).toEqual(["libx.so"]);
    expect(readFileSync(output, "latin1")).toBe("old");
  });
});

describe("pack", () => {
  test("makes the three artefacts, and gcc a library of the same image", async () => {
    const artefacts = join(directory, "artefacts");
    const report = await built({ output: artefacts }, pack);
    expect(readdirSync(artefacts).sort()).toEqual([BLOB_NAME, ASSEMBLY_NAME, ARCHIVE_NAME].sort());
    const compiled = await built({ linker: "gcc", layout: "compact" });
    expect(compiled.merkleRoot.equals(report.merkleRoot)).toBe(true);
    expect(outputs()).toEqual(["libx.so"]);
    const native = await built({ layout: "compact" });
    expect(native.merkleRoot.equals(report.merkleRoot)).toBe(true);
    const blob = readFileSync(join(artefacts, BLOB_NAME));
    expect(readFileSync(output).subarray(NATIVE_HEAD_BYTES).equals(blob)).toBe(true);
  });

  test("an output that ends in .c gets its blob beside it", async () => {
    await built({ output: join(directory, "out", "binary-fs.c") }, pack);
    expect(outputs()).toEqual(["binary-fs.blob", "binary-fs.c"]);
  });

  test("an error leaves nothing in the directory", async () => {
    const result = await pack({ root, output: join(directory, "out"), rules: [{ kind: "include", pattern: "/no" }] });
    expect(result.ok).toBe(false);
    expect(outputs()).toEqual([]);
  });
});

test("a tree copied with cpSync packs like its original but for times", async () => {
  cpSync(root, join(directory, "copy"), { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  expect(existsSync(join(directory, "copy", "empty"))).toBe(true);
  const mtime = { kind: "set", epochSeconds: 1 } as const;
  const one = await built({ mtime, rules: [{ kind: "exclude", pattern: "/bin/same" }] });
  const two = await built({ mtime, rules: [{ kind: "exclude", pattern: "/bin/same" }], root: join(directory, "copy") });
  expect(one.digest).toBe(two.digest);
});
