import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leafHash, MerkleTree } from "../../src/image/merkle.js";
import type { Plan } from "../../src/plan/plan.js";
import { makeBatch } from "../../src/serialize/batch.js";
import { MetadataEncoder } from "../../src/serialize/encode-metadata.js";
import { SerializerPool } from "../../src/serialize/pool.js";
import { runBatch } from "../../src/serialize/run-batch.js";
import { unwrap, Workbench } from "./workbench.js";

let bench: Workbench;
let directory: string;
let root: string;
beforeEach(() => {
  bench = new Workbench();
  ({ directory, root } = bench);
});
afterEach(() => bench.remove());

const planOf = (layout: string): Plan => (layout === "compact" ? bench.compact() : bench.stable());

/** Files of many sizes, some over a batch's boundaries, and a directory of several blocks. */
function makeMixedTree(): void {
  mkdirSync(join(root, "many"));
  for (let index = 0; index < 3000; index++)
    writeFileSync(join(root, "many", `file-${index}`), `${index}`.repeat(index % 1700));
  for (let index = 1; index <= 5; index++) {
    writeFileSync(join(root, `large-${index}`), Buffer.alloc(index * 2_500_001, `${index} large `));
  }
}

/** UUID and checksum as the tree sees them. */
const clearSeal = (image: Buffer): Buffer => image.fill(0, 1028, 1032).fill(0, 1072, 1088);

/** Same size, same mtime: ctime alone tells. */
function rewriteSilently(path: string): void {
  const { size, atime, mtime } = statSync(path);
  writeFileSync(path, "y".repeat(size));
  utimesSync(path, atime, mtime);
}

/** Threads load what was compiled: of the same sources. */
const hasWorker = existsSync(new URL("../../dist/serialize/run-batches.js", import.meta.url));

describe.each(["compact", "stable"])("serialize, %s", (layout) => {
  test.skipIf(!hasWorker)("threads write the bytes of the serial reference", async () => {
    makeMixedTree();
    const plan = planOf(layout);
    const serial = unwrap(await bench.write(plan, join(directory, "serial"), { threads: 1 }));
    const pool = new SerializerPool(3);
    try {
      for (const options of [{ threads: 3 }, { pool }, { pool }]) {
        const threaded = unwrap(await bench.write(plan, join(directory, "threaded"), options));
        expect(threaded.toBytes()).toEqual(serial.toBytes());
        expect(readFileSync(join(directory, "threaded")).equals(readFileSync(join(directory, "serial")))).toBe(true);
      }
    } finally {
      await pool.close();
    }
  });

  test("each batch size gives the same segments", async () => {
    makeMixedTree();
    const plan = planOf(layout);
    unwrap(await bench.write(plan, join(directory, "image"), { threads: 1 }));
    const image = clearSeal(readFileSync(join(directory, "image")));
    const count = Math.ceil(plan.sizeBytes / 2 ** 20);
    for (const size of [1, 3, count]) {
      const fd = openSync(join(directory, "other"), "w+");
      const encoder = new MetadataEncoder(plan);
      for (let first = 0; first < count; first += size) {
        const start = first * 2 ** 20;
        const end = Math.min(start + size * 2 ** 20, plan.sizeBytes);
        unwrap(runBatch(makeBatch(encoder, start, end, plan.piecesIn(start, end)).batch, { fd, offset: 0 }));
      }
      ftruncateSync(fd, plan.sizeBytes);
      closeSync(fd);
      expect(readFileSync(join(directory, "other")).equals(image)).toBe(true);
    }
  });

  test("the root is that of docs/format.md, computed from the file", async () => {
    makeMixedTree();
    const plan = planOf(layout);
    const written = unwrap(await bench.write(plan, join(directory, "image")));
    const bytes = readFileSync(join(directory, "image"));
    expect(bytes.length).toBe(plan.sizeBytes);
    const merkle = new MerkleTree(Math.ceil(bytes.length / 2 ** 20));
    const root = written.root(bytes.length);
    expect(bytes.subarray(1072, 1088)).toEqual(root.subarray(0, 16));
    const image = clearSeal(bytes);
    for (let at = 0; at < image.length; at += 2 ** 20)
      merkle.setLeaf(at / 2 ** 20, leafHash(image.subarray(at, at + 2 ** 20)));
    expect(root).toEqual(merkle.root(image.length));
  });

  test("an offset moves the image and changes nothing in it", async () => {
    writeFileSync(join(root, "file"), "content");
    const plan = planOf(layout);
    unwrap(await bench.write(plan, join(directory, "plain")));
    unwrap(await bench.write(plan, join(directory, "moved"), {}, 2 ** 21));
    expect(
      readFileSync(join(directory, "moved"))
        .subarray(2 ** 21)
        .equals(readFileSync(join(directory, "plain"))),
    ).toBe(true);
  });

  test("zeros stay holes: a sparse file costs no space in the image", async () => {
    writeFileSync(join(root, "sparse"), "begin");
    truncateSync(join(root, "sparse"), 200 * 2 ** 20);
    const result = await bench.write(planOf(layout), join(directory, "image"), { threads: 1 });
    expect(result.ok).toBe(true);
    const { size, blocks } = statSync(join(directory, "image"));
    expect(size).toBeGreaterThan(200 * 2 ** 20);
    expect(blocks * 512).toBeLessThan(2 ** 20);
  });

  test("progress ends at the image's size", async () => {
    makeMixedTree();
    const plan = planOf(layout);
    const seen: number[] = [];
    await bench.write(plan, join(directory, "image"), { onProgress: (done) => seen.push(done) });
    expect(seen.at(-1)).toBe(plan.sizeBytes);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test("an aborted signal ends with interrupted", async () => {
    makeMixedTree();
    expect(await bench.write(planOf(layout), join(directory, "image"), { signal: AbortSignal.abort() })).toMatchObject({
      ok: false,
      error: { code: "interrupted" },
    });
  });
});

describe("a file that is not what selection saw", () => {
  const path = () => join(root, "file");
  const replace = (make: () => void): void => {
    unlinkSync(path());
    make();
  };
  test.each<[string, () => void]>([
    ["grew", () => appendFileSync(path(), "more")],
    ["shrank", () => truncateSync(path(), 1)],
    ["was touched", () => utimesSync(path(), 1, 1)],
    ["was rewritten, its mtime set back", () => rewriteSilently(path())],
    ["was replaced by a link", () => replace(() => symlinkSync("/etc/passwd", path()))],
    ["was replaced by a copy", () => replace(() => writeFileSync(path(), "x".repeat(5000)))],
    ["vanished", () => unlinkSync(path())],
  ])("that %s is input-changed, with its path", async (_, change) => {
    writeFileSync(path(), "x".repeat(5000));
    const plan = planOf("compact");
    change();
    for (const threads of hasWorker ? [1, 2] : [1]) {
      const result = await bench.write(plan, join(directory, "image"), { threads });
      expect(result).toMatchObject({ ok: false, error: { code: "input-changed", path: Buffer.from(path()) } });
    }
  });
});

test("a full file system is no-space", async (context) => {
  const mountPoint = join(directory, "small");
  mkdirSync(mountPoint);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mountPoint]).status === 0;
  if (!mounted) context.skip("only root may mount a small file system");
  try {
    writeFileSync(join(root, "file"), Buffer.alloc(2 ** 20, 1));
    const result = await bench.write(planOf("compact"), join(mountPoint, "image"));
    expect(result).toMatchObject({ ok: false, error: { code: "no-space", detail: "ENOSPC" } });
  } finally {
    spawnSync("umount", [mountPoint]);
  }
});
