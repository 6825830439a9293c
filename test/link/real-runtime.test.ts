/** Libraries with the real runtime, native and by gcc: outside judges of ELF, both dlopens, and tools that rewrite the file. */

import { copyFileSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLibrary } from "../../src/link/read-library.js";
import { isInstalled, run, temporaryDirectory } from "./stand-in.js";

const project = join(import.meta.dirname, "../..");
const cli = join(project, "dist/bin/main.js");
const directory = temporaryDirectory("real");
const at = (name: string) => join(directory.path, name);

beforeAll(() => {
  mkdirSync(at("root/bin"), { recursive: true });
  writeFileSync(at("root/greeting"), "hello, in the image");
  const program = join(project, "test/build/last.c");
  expect(run("gcc", ["-O1", "-static", "-o", at("root/bin/last"), program])).toMatchObject({ status: 0 });
  for (const linker of ["native", "gcc"]) {
    const made = run(process.execPath, [cli, "build", at("root"), "-o", at(`${linker}.so`), "--linker", linker]);
    expect(made).toMatchObject({ status: 0 });
  }
});
afterAll(directory.dispose);

/** What ld itself writes and eu-elflint does not know: the psABI's flag of large sections, and a symbol that ld defines. */
const OF_THE_LINKER = /'\.lrodata' contains invalid processor-specific flag|\(__ehdr_start\): st_value out of bounds/;

/** The static program in the image reads a file of the image, and finds none of the host's. */
function runs(library: string): void {
  expect(run(library, ["/bin/last", "/greeting"])).toEqual({ status: 0, stdout: "19 mage\n", stderr: "" });
  expect(run(library, ["/bin/last", at("root/greeting")])).toMatchObject({ status: 1, stdout: "" });
}

describe.each(["native", "gcc"])("a %s library with the real runtime", (linker) => {
  const library = at(`${linker}.so`);

  it("runs a static program on its image", () => runs(library));

  it.skipIf(!isInstalled("eu-elflint"))("satisfies eu-elflint", () => {
    const { stdout, stderr } = run("eu-elflint", ["--gnu-ld", library]);
    const complaints = stdout
      .split("\n")
      .filter((line) => line !== "" && !(linker === "gcc" && OF_THE_LINKER.test(line)));
    expect(complaints.filter((line) => line !== "No errors")).toEqual([]);
    expect(stdout + stderr).not.toBe("");
    if (linker === "native") expect(stdout).toBe("No errors\n");
  });

  it("draws no warning from readelf", () => {
    const { status, stdout, stderr } = run("readelf", ["-aW", library]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("binaryfs_syscall");
    expect(stdout).not.toMatch(/TEXTREL|warning/i);
  });

  it.each(["gcc", "musl-gcc"].filter(isInstalled))("is opened by the dlopen of %s, which finds its functions", (cc) => {
    const source = `#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  void *h = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : 0;
  if (!h) return puts(dlerror()), 1;
  return dlsym(h, "binaryfs_attach") && dlsym(h, "binaryfs_syscall") && dlclose(h) == 0 ? 0 : 2;
}
`;
    writeFileSync(at("open.c"), source);
    expect(run(cc, ["-o", at(`open-${cc}`), at("open.c"), "-ldl"])).toMatchObject({ status: 0 });
    expect(run(at(`open-${cc}`), [library])).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it.for<[string, string[]]>([
    ["strip", []],
    ["strip", ["--strip-debug"]],
    ["strip", ["--strip-unneeded"]],
    ["objcopy", []],
    ["objcopy", ["--remove-section=.comment"]],
    ["patchelf", ["--set-soname", "libbinary-fs.so.1"]],
    ["patchelf", ["--set-rpath", "/opt/a-rather-long-directory/lib:$ORIGIN/../lib"]],
    ["patchelf", ["--add-needed", "libc.so.6", "--remove-needed", "libc.so.6"]],
  ])("still carries its image and runs after %s %j", ([tool, args], { skip }) => {
    if (!isInstalled(tool)) skip(`${tool} is not installed`);
    const changed = at(`${linker}-changed.so`);
    copyFileSync(library, changed);
    expect(run(tool, [...args, changed])).toMatchObject({ status: 0 });
    const [before, after] = [library, changed].map((path) => openLibrary(Buffer.from(path)));
    if (before?.ok !== true || after?.ok !== true) throw new Error("not a library any more");
    expect(after.value.merkleRoot).toEqual(before.value.merkleRoot);
    expect(after.value.imageBytes).toBe(before.value.imageBytes);
    for (const { value } of [before, after]) value.close();
    expect(statSync(changed).size).toBeGreaterThan(before.value.imageBytes);
    runs(changed);
  });
});
