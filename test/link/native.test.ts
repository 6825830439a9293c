import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NATIVE_HEAD_BYTES, nativeHead } from "../../src/link/native.js";
import { openLibrary } from "../../src/link/read-library.js";
import { isInstalled, makeStandInRuntime, run, temporaryDirectory } from "./stand-in.js";

const directory = temporaryDirectory("native");
const at = (name: string) => join(directory.path, name);
const merkleRoot = Buffer.alloc(32, 0xab);
let template: Buffer;

function makeLibrary(name: string, sizeBytes: number): string {
  const path = at(name);
  writeFileSync(path, nativeHead(template, { sizeBytes, merkleRoot }), { mode: 0o755 });
  truncateSync(path, NATIVE_HEAD_BYTES + sizeBytes);
  const fd = openSync(path, "r+");
  writeSync(fd, "BINARYFS", NATIVE_HEAD_BYTES);
  closeSync(fd);
  return path;
}

beforeAll(() => {
  makeStandInRuntime(at("runtime"));
  template = readFileSync(at("runtime/template.so"));
});
afterAll(directory.dispose);

describe.each([
  ["one block", 4096],
  ["3 MiB and a block", 3 * 2 ** 20 + 4096],
  ["past 2 GiB", 2 ** 31 + 4096],
  ["past 4 GiB", 2 ** 32 + 8192],
])("a native library with an image of %s", (_, sizeBytes) => {
  let path: string;
  beforeAll(() => {
    path = makeLibrary(`${sizeBytes}.so`, sizeBytes);
  });

  it("is found by the reader where the writer put it", () => {
    const library = openLibrary(Buffer.from(path));
    expect(library).toMatchObject({
      ok: true,
      value: { imageOffset: NATIVE_HEAD_BYTES, imageBytes: sizeBytes, merkleRoot },
    });
    if (library.ok) library.value.close();
  });

  it("finds its image when it is started", () => {
    expect(run(path)).toEqual({ status: 42, stdout: "BINARYFS", stderr: "" });
  });

  it.skipIf(!isInstalled("eu-elflint"))("satisfies eu-elflint", () => {
    expect(run("eu-elflint", ["--gnu-ld", path])).toEqual({ status: 0, stdout: "No errors\n", stderr: "" });
  });

  it("draws no warning from readelf", () => {
    const { status, stdout, stderr } = run("readelf", ["-aW", path]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/\.binfs +PROGBITS/);
    expect(stdout).not.toMatch(/warning/i);
  });

  it.each(["gcc", "musl-gcc"].filter(isInstalled))("is opened by the dlopen of %s", (cc) => {
    const source = at("dlopen.c");
    writeFileSync(
      source,
      `#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
	void *h = dlopen(argv[1], RTLD_NOW);
	if (!h) return puts(dlerror()), 1;
	const char *(*f)(unsigned long *) = (const char *(*)(unsigned long *))dlsym(h, "stand_in_image");
	unsigned long size;
	const char *image = f(&size);
	return printf("%.8s %lu %d", image, size, image[size - 1]), argc != 2;
}`,
    );
    expect(run(cc, [source, "-o", at("dlopen"), "-ldl"])).toMatchObject({ status: 0 });
    expect(run(at("dlopen"), [path])).toEqual({ status: 0, stdout: `BINARYFS ${sizeBytes} 0`, stderr: "" });
  });
});

describe.each([
  ["strip", []],
  ["objcopy", ["--strip-debug"]],
  ["patchelf", ["--set-soname", "other.so"]],
  ["patchelf", ["--set-rpath", `/${"long/".repeat(40)}`]],
  ["patchelf", ["--add-needed", "libother.so"]],
])("after %s %s", (tool, args) => {
  it.skipIf(!isInstalled(tool))("a library still finds its image, and readers do", () => {
    const path = at("changed.so");
    copyFileSync(makeLibrary("plain.so", 1 << 20), path);
    expect(run(tool, [...args, path])).toMatchObject({ status: 0 });
    expect(run(path)).toMatchObject({ status: 42, stdout: "BINARYFS" });
    const library = openLibrary(Buffer.from(path));
    expect(library).toMatchObject({ ok: true, value: { imageBytes: 1 << 20, merkleRoot } });
    if (library.ok) library.value.close();
  });
});

describe("nativeHead", () => {
  it("gives the same bytes for the same image, and leaves the template alone", () => {
    const before = Buffer.from(template);
    const image = { sizeBytes: 8192, merkleRoot };
    expect(nativeHead(template, image).equals(nativeHead(template, image))).toBe(true);
    expect(template.equals(before)).toBe(true);
  });

  it("refuses what is no template", () => {
    const image = { sizeBytes: 4096, merkleRoot };
    expect(() => nativeHead(Buffer.alloc(100), image)).toThrow(/native template/);
    expect(() => nativeHead(readFileSync(at("runtime/binaryfs-run")), image)).toThrow(/native template/);
  });
});
