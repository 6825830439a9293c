import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SerializerPool } from "../../src/serialize/pool.js";
import { type Built, Workbench } from "./workbench.js";

const BLOCK = 4096;
const MIB = 2 ** 20;
const hasWorker = existsSync(new URL("../../dist/serialize/run-batches.js", import.meta.url));

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.remove());

const at = (...names: string[]): string => join(bench.root, ...names);

/** Small files, some in blocks of their own, and two in chunks. */
async function start(files = 600): Promise<Built> {
  for (let index = 0; index < files; index++) {
    if (index % 60 === 0) mkdirSync(at(`directory-${index / 60}`));
    const name = at(`directory-${Math.floor(index / 60)}`, `file-${index}`);
    writeFileSync(name, Buffer.alloc((index * 977) % 30_000, `${index} `));
  }
  writeFileSync(at("chunks"), Buffer.alloc(5 * MIB + 1, "chunks "));
  writeFileSync(at("other"), Buffer.alloc(3 * MIB + 12_345, "other "));
  symlinkSync("chunks", at("link"));
  return bench.build();
}

/** Of a file with content of more than a block. */
const FILE = "directory-3/file-200";

describe("what is emitted for", () => {
  test("nothing is block 0 alone", async () => {
    const built = await start();
    const { emission } = await bench.update(built);
    expect(emission).toMatchObject({ written: [[0, BLOCK]], emittedBytes: BLOCK, segmentsEmitted: 1, sourceBytes: 0 });
  });

  test("an edit of the same size is its blocks, its inode's (with the tail) and block 0", async () => {
    const built = await start();
    const { length } = readFileSync(at(FILE));
    writeFileSync(at(FILE), Buffer.alloc(length, "edited "));
    const { emission } = await bench.update(built);
    expect(emission.sourceBytes).toBe(length);
    expect(emission.emittedBytes).toBe((Math.floor(length / BLOCK) + 2) * BLOCK);
    expect(emission.segmentsEmitted).toBe(2);
  });

  test("an edit of one chunk is that chunk's blocks, its inode's and block 0", async () => {
    const built = await start();
    const bytes = readFileSync(at("chunks"));
    bytes.write("edited", 2 * MIB + 100);
    writeFileSync(at("chunks"), bytes);
    const { emission } = await bench.update(built);
    expect(emission.emittedBytes).toBe(3 * BLOCK);
    expect(emission.segmentsEmitted).toBe(3);
  });

  test.each<[string, (path: string) => void]>([
    ["a touch", (path) => utimesSync(path, 1, 1)],
    ["a mode", (path) => chmodSync(path, 0o600)],
  ])("%s is the inode's block and block 0", async (_, change) => {
    const built = await start();
    change(at(FILE));
    const { emission } = await bench.update(built);
    expect(emission.emittedBytes).toBe(2 * BLOCK);
    expect(emission.segmentsEmitted).toBe(2);
  });

  test("an edit that was reverted is the inode's block and block 0", async () => {
    const built = await start();
    const bytes = readFileSync(at(FILE));
    writeFileSync(at(FILE), Buffer.alloc(bytes.length));
    writeFileSync(at(FILE), bytes);
    const { emission } = await bench.update(built);
    expect(emission.emittedBytes).toBe(2 * BLOCK);
  });

  test("content that is provided is not read", async () => {
    const built = await start();
    const bytes = Buffer.alloc(readFileSync(at(FILE)).length, "edited ");
    writeFileSync(at(FILE), bytes);
    const provided = (_: number, from: number, size: number): Buffer => bytes.subarray(from, from + size);
    const { emission } = await bench.update(built, { provided });
    expect(emission.sourceBytes).toBe(0);
  });
});

describe("an update", () => {
  test("equals the image written from nothing when the image grows and shrinks", async () => {
    let built = await start();
    const grow = Buffer.alloc(9 * MIB, "grown ");
    writeFileSync(at("grown"), grow);
    ({ built } = await bench.update(built));
    expect(built.plan.sizeBytes).toBeGreaterThan(15 * MIB);
    rmSync(at("chunks"));
    rmSync(at("grown"));
    ({ built } = await bench.update(built));
    writeFileSync(at("grown"), grow.subarray(0, 4 * MIB));
    await bench.update(built);
  });

  test("leaves holes where long stretches became zeros", async () => {
    const built = await start();
    writeFileSync(at("chunks"), Buffer.alloc(5 * MIB + 1));
    const { emission } = await bench.update(built);
    expect(emission.emittedBytes).toBeLessThan(MIB / 2);
    expect(emission.sourceBytes).toBe(5 * MIB + 1);
  });

  test.skipIf(!hasWorker)("in threads writes the same bytes", async () => {
    const built = await start();
    writeFileSync(at("grown"), Buffer.alloc(12 * MIB, "grown "));
    const pool = new SerializerPool(3);
    try {
      const { built: next } = await bench.update(built, { pool });
      rmSync(at("grown"));
      await bench.update(next, { pool });
    } finally {
      await pool.close();
    }
  });

  test("of a file that changed since it was selected is input-changed", async () => {
    const built = await start();
    writeFileSync(at(FILE), Buffer.alloc(readFileSync(at(FILE)).length, "edited "));
    const provided = (): undefined => {
      // Between selection and reading: same size, mtime set back, but ctime tells.
      writeFileSync(at(FILE), Buffer.alloc(readFileSync(at(FILE)).length, "again "));
      utimesSync(at(FILE), 1, 1);
    };
    const { emission } = await bench.emit(built, { provided });
    expect(emission).toMatchObject({ ok: false, error: { code: "input-changed", path: Buffer.from(at(FILE)) } });
  });

  test("that is aborted ends with interrupted", async () => {
    const built = await start();
    writeFileSync(at(FILE), "edited");
    const { emission } = await bench.emit(built, { signal: AbortSignal.abort() });
    expect(emission).toMatchObject({ ok: false, error: { code: "interrupted" } });
  });
});

const size = fc.oneof(fc.nat(20_000), fc.constantFrom(0, 1, 4032, 4096, 4097, MIB - 1, MIB, MIB + 1, 2 * MIB + 5));
const edit = fc.oneof(
  fc.record({ kind: fc.constantFrom("write" as const, "add" as const), which: fc.nat(), size }),
  fc.record({
    kind: fc.constantFrom("touch", "chmod", "remove", "rename", "link", "directory", "zeros"),
    which: fc.nat(),
    size: fc.nat(MIB),
  }),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

class RandomEdits {
  readonly files: string[] = [];
  #made = 0;

  apply({ kind, which, size: bytes }: Edit): void {
    const path = this.files[which % this.files.length];
    const fresh = `new-${this.#made++}-${which % 7}`;
    if (kind === "add" || path === undefined) {
      writeFileSync(at(fresh), Buffer.alloc(bytes, `${which} `));
      this.files.push(fresh);
    } else if (kind === "write") writeFileSync(at(path), Buffer.alloc(bytes, `${which} `));
    else if (kind === "zeros") writeFileSync(at(path), Buffer.alloc(bytes));
    else if (kind === "touch") utimesSync(at(path), which % 1e6, 1 + (which % 1e6));
    else if (kind === "chmod") chmodSync(at(path), 0o400 | (which % 0o1000));
    else if (kind === "link") symlinkSync("t".repeat(1 + (which % 4000)), at(fresh));
    else if (kind === "remove") {
      unlinkSync(at(path));
      this.files.splice(this.files.indexOf(path), 1);
    } else if (kind === "rename") {
      renameSync(at(path), at(fresh));
      this.files[this.files.indexOf(path)] = fresh;
    } else {
      mkdirSync(at(fresh));
      for (let index = 0; index < which % 40; index++) writeFileSync(at(fresh, `${index}`), `${index}`);
    }
  }
}

test("after random edits an update equals the image written from nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      async (rounds) => {
        bench.remove();
        bench = new Workbench();
        let built = await start(80);
        const edits = new RandomEdits();
        for (let index = 0; index < 80; index++) edits.files.push(`directory-${Math.floor(index / 60)}/file-${index}`);
        for (const round of rounds) {
          for (const each of round) edits.apply(each);
          ({ built } = await bench.update(built));
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("truncated earlier images are io, not a wrong image", async () => {
  const built = await start();
  truncateSync(built.image, 100);
  const { emission } = await bench.emit(built);
  expect(emission).toMatchObject({ ok: false, error: { code: "io" } });
});

test("a full file system is no-space", async (context) => {
  const built = await start();
  const mountPoint = join(bench.directory, "small");
  mkdirSync(mountPoint);
  const size = `size=${statSync(built.image).blocks / 2 + 1024}k`;
  if (spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", mountPoint]).status !== 0)
    context.skip("only root may mount a small file system");
  try {
    execFileSync("cp", ["--sparse=always", built.image, join(mountPoint, "image")]);
    writeFileSync(at("grown"), Buffer.alloc(4 * MIB, "grown "));
    const { emission } = await bench.emit(built, {}, join(mountPoint, "image"));
    expect(emission).toMatchObject({ ok: false, error: { code: "no-space", detail: "ENOSPC" } });
  } finally {
    spawnSync("umount", [mountPoint]);
  }
});
