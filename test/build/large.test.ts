/** Images past 2 and 4 GiB, cheap because their one large file is a hole: nothing may be limited to 31 or 32 bits. */

import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkGccLimit } from "../../src/link/artefacts.js";
import { canMount, withMounted } from "../support/images.js";

const project = join(import.meta.dirname, "../..");
const cli = join(project, "dist/bin/main.js");
const HEAD_BYTES = 2 * 1024 * 1024;
const binaryfs = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: "latin1", maxBuffer: 2 ** 26 });
/** Sorts last, so that its own address lies past the limit too. */
const MARK = "z-behind";

let directory: string;
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-large-")));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function makeTree(name: string, sizeBytes: number): string {
  const root = join(directory, name);
  mkdirSync(join(root, "bin"), { recursive: true });
  const fd = openSync(join(root, "large"), "w");
  truncateSync(join(root, "large"), sizeBytes);
  writeSync(fd, "last", sizeBytes - 4);
  closeSync(fd);
  writeFileSync(join(root, MARK), "behind".repeat(2000));
  const compiled = spawnSync(
    "gcc",
    ["-O1", "-static", "-o", join(root, "bin/last"), join(import.meta.dirname, "last.c")],
    {
      encoding: "utf8",
    },
  );
  expect(compiled).toMatchObject({ status: 0 });
  return root;
}

/** The library is read by our own tools, by the program in it, and by the kernel. */
function isWhole(library: string, sizeBytes: number, offset: number): void {
  expect(binaryfs("cat", library, `/${MARK}`).stdout).toBe("behind".repeat(2000));
  expect(JSON.parse(binaryfs("stat", "--json", library, "/large").stdout)).toMatchObject({ size: sizeBytes });
  expect(spawnSync(library, ["/bin/last", "/large", `/${MARK}`], { encoding: "utf8" })).toMatchObject({
    status: 0,
    stdout: `${sizeBytes} last\n12000 hind\n`,
  });
  if (!canMount) return;
  const tail = withMounted(
    library,
    join(directory, "mount"),
    () => spawnSync("tail", ["-c", "4", join(directory, "mount", "large")]),
    offset,
  );
  expect(tail.stdout.toString()).toBe("last");
}

describe.each([
  ["2 GiB", 2 ** 31 + 5 * 4096 + 77],
  ["4 GiB", 2 ** 32 + 5 * 4096 + 77],
])("an image past %s", (name, sizeBytes) => {
  let root: string;
  beforeAll(() => {
    root = makeTree(name.replace(" ", ""), sizeBytes);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("is a library that reads, runs and mounts, and takes no space for the hole", () => {
    const library = join(directory, "native.so");
    expect(binaryfs("build", root, "-o", library)).toMatchObject({ status: 0, stderr: "" });
    const { size, blocks } = statSync(library);
    expect(size).toBeGreaterThan(sizeBytes + HEAD_BYTES);
    expect(blocks * 512).toBeLessThan(32 << 20);
    isWhole(library, sizeBytes, HEAD_BYTES);
    rmSync(library);
  });
});

test("gcc makes a library of an image past 2 GiB, or says why not before it starts", (context) => {
  const sizeBytes = 2 ** 31 + 4096;
  if (!checkGccLimit(sizeBytes + (1 << 20)).ok) {
    const root = makeTree("gcc", sizeBytes);
    expect(binaryfs("build", root, "-o", join(directory, "gcc.so"), "--linker", "gcc").stderr).toMatch(
      /^binaryfs: gcc-limit: /,
    );
    return;
  }
  if (process.env["BINARYFS_LARGE"] === undefined && freemem() < 2 ** 33)
    context.skip("gcc needs more than 8 GiB of free memory for it; BINARYFS_LARGE=1 tries");
  const root = makeTree("gcc", sizeBytes);
  const library = join(directory, "gcc.so");
  expect(binaryfs("build", root, "-o", library, "--linker", "gcc")).toMatchObject({ status: 0 });
  expect(binaryfs("cat", library, `/${MARK}`).stdout).toBe("behind".repeat(2000));
  expect(spawnSync(library, ["/bin/last", "/large"], { encoding: "utf8" }).stdout).toBe(`${sizeBytes} last\n`);
  rmSync(library);
  rmSync(root, { recursive: true });
});
