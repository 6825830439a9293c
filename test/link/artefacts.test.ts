import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blobAssembly, checkGccLimit, cSource } from "../../src/link/artefacts.js";
import { linkArtefacts } from "../../src/link/compile.js";
import { openLibrary } from "../../src/link/read-library.js";
import { isInstalled, makeStandInRuntime, run, temporaryDirectory } from "./stand-in.js";

const directory = temporaryDirectory("artefacts");
const at = (name: string) => join(directory.path, name);
const blob = Buffer.alloc(3 * 4096, "BINARYFS");
const image = { sizeBytes: blob.length, merkleRoot: Buffer.from(Array.from({ length: 32 }, (_, k) => k)) };

function imageIn(path: string): Buffer {
  const library = openLibrary(Buffer.from(path));
  if (!library.ok) throw new Error(JSON.stringify(library.error));
  expect(library.value.merkleRoot).toEqual(image.merkleRoot);
  library.value.close();
  return readFileSync(path).subarray(library.value.imageOffset, library.value.imageOffset + library.value.imageBytes);
}

beforeAll(() => {
  makeStandInRuntime(at("runtime"));
  mkdirSync(at("out"));
  copyFileSync(at("runtime/libbinary_fs_template.a"), at("out/libbinary_fs_template.a"));
  writeFileSync(at("out/binary_fs.blob"), blob);
  writeFileSync(at("out/binary_fs_blob.s"), blobAssembly(image));
});
afterAll(directory.dispose);

describe.each(["gcc", "musl-gcc"].filter(isInstalled))("the artefacts through %s", (cc) => {
  it("become a library with the same image by the documented line alone", () => {
    const line = ["./binary_fs_blob.s", "./libbinary_fs_template.a", "-shared", "-o", "x.so"];
    expect(run(cc, line, { cwd: at("out") })).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(imageIn(at("out/x.so")).equals(blob)).toBe(true);
    expect(run(at("out/x.so"))).toEqual({ status: 42, stdout: "BINARYFS", stderr: "" });
  });

  it("have no relocation that names the runtime or changes text", () => {
    const { stdout } = run("readelf", ["-rdW", at("out/x.so")]);
    expect(stdout).toMatch(/Relocation section/);
    expect(stdout).not.toMatch(/binaryfs_|TEXTREL/);
  });

  it("become one through linkArtefacts, which leaves no temporary", async () => {
    expect(await linkArtefacts({ directory: at("out"), output: at("linked.so"), cc })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(imageIn(at("linked.so")).equals(blob)).toBe(true);
    expect(readdirSync(directory.path).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it.skipIf(!isInstalled("patchelf"))("survive patchelf", () => {
    expect(run("patchelf", ["--set-soname", "other-and-longer.so", at("out/x.so")])).toMatchObject({ status: 0 });
    expect(imageIn(at("out/x.so")).equals(blob)).toBe(true);
    expect(run(at("out/x.so"))).toMatchObject({ status: 42 });
  });

  it("become one from the .c form", () => {
    writeFileSync(at("out/fs.blob"), blob);
    writeFileSync(at("out/fs.c"), cSource(image, "fs.blob", "fs.c", readFileSync(at("runtime/binaryfs.s"), "utf8")));
    expect(run(cc, ["-Wall", "-shared", "-fPIC", "fs.c", "-o", "c.so"], { cwd: at("out") })).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(imageIn(at("out/c.so")).equals(blob)).toBe(true);
    expect(run(at("out/c.so"))).toMatchObject({ status: 42, stdout: "BINARYFS" });
  });
});

describe("linkArtefacts reports", () => {
  const output = at("never.so");
  it.each([
    ["a missing compiler", { cc: "no-such-compiler" }, "compiler-missing", "no-such-compiler"],
    ["a failing compiler by its last lines", { cc: "gcc -frobnicate" }, "compiler-failed", "-frobnicate"],
    ["an output that cannot be written", { output: at("nowhere/x.so") }, "output-unwritable", undefined],
    ["a missing artefact", { directory: directory.path }, "path-not-found", undefined],
  ])("%s", async (_, options, code, detail) => {
    const result = await linkArtefacts({ directory: at("out"), output, ...options });
    expect(result).toMatchObject({ ok: false, error: { code } });
    if (!result.ok && detail !== undefined) expect(result.error.detail).toContain(detail);
    expect(openLibrary(Buffer.from(output))).toMatchObject({ ok: false });
  });

  it("an image that the machine's memory cannot hold, before the compiler starts", () => {
    expect(checkGccLimit(2 ** 40, 2 ** 33)).toMatchObject({ ok: false, error: { code: "gcc-limit" } });
    expect(checkGccLimit(2 ** 32, 2 ** 33)).toMatchObject({ ok: true });
  });
});
