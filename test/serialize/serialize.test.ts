import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leafHash, MerkleTree } from "../../src/image/merkle.js";
import { planCompact } from "../../src/plan/compact.js";
import type { Plan } from "../../src/plan/plan.js";
import { select } from "../../src/select/select.js";
import { makeBatch } from "../../src/serialize/batch.js";
import { type SerializeOptions, serialize } from "../../src/serialize/serialize.js";

let directory: string;
let root: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "binaryfs-serialize-"));
  root = join(directory, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function planOf(): Plan {
  const tree = select({ root });
  if (!tree.ok) throw new Error(tree.error.code);
  const plan = planCompact(tree.value, 0);
  if (!plan.ok) throw new Error(plan.error.code);
  return plan.value;
}

async function write(plan: Plan, name: string, options: SerializeOptions = {}, offset = 0) {
  const fd = openSync(join(directory, name), "w+");
  try {
    return await serialize(plan, { fd, offset }, options);
  } finally {
    closeSync(fd);
  }
}

/** Files of many sizes, some over a batch's boundaries, and a directory of several blocks. */
function makeMixedTree(): void {
  mkdirSync(join(root, "many"));
  for (let index = 0; index < 3000; index++)
    writeFileSync(join(root, "many", `file-${index}`), `${index}`.repeat(index % 1700));
  for (let index = 1; index <= 5; index++) {
    writeFileSync(join(root, `large-${index}`), Buffer.alloc(index * 2_500_001, `${index} large `));
  }
}

const hasWorker = existsSync(new URL("../../dist/serialize/worker.js", import.meta.url));

describe("serialize", () => {
  test.skipIf(!hasWorker)("threads write the bytes of the serial reference", async () => {
    makeMixedTree();
    const plan = planOf();
    const serial = await write(plan, "serial", { threads: 1 });
    const threaded = await write(plan, "threaded", { threads: 3 });
    expect(serial.ok && threaded.ok && serial.value.equals(threaded.value)).toBe(true);
    expect(readFileSync(join(directory, "threaded")).equals(readFileSync(join(directory, "serial")))).toBe(true);
  });

  test("each batch size gives the same segments", () => {
    makeMixedTree();
    const plan = planOf();
    const count = Math.ceil(plan.sizeBytes / 2 ** 20);
    // Metadata alone is computed here; where its stretches begin and end must not depend on the batch.
    const image = (size: number): Buffer => {
      const out = Buffer.alloc(plan.sizeBytes);
      for (let first = 0; first < count; first += size) {
        const { metadata, stretches } = makeBatch(plan, first, size);
        for (let row = 0, from = 0; row < stretches.length; row += 2) {
          const bytes = stretches[row + 1] as number;
          out.set(metadata.subarray(from, from + bytes), first * 2 ** 20 + (stretches[row] as number));
          from += bytes;
        }
      }
      return out;
    };
    expect(image(1).equals(image(8))).toBe(true);
    expect(image(3).equals(image(count))).toBe(true);
  });

  test("the root is that of docs/format.md, computed from the file", async () => {
    makeMixedTree();
    const plan = planOf();
    const root = await write(plan, "image");
    const image = readFileSync(join(directory, "image"));
    expect(image.length).toBe(plan.sizeBytes);
    image.fill(0, 1028, 1032).fill(0, 1072, 1088);
    const merkle = new MerkleTree(Math.ceil(image.length / 2 ** 20));
    for (let at = 0; at < image.length; at += 2 ** 20)
      merkle.setLeaf(at / 2 ** 20, leafHash(image.subarray(at, at + 2 ** 20)));
    expect(root.ok && root.value.equals(merkle.root(image.length))).toBe(true);
  });

  test("an offset moves the image and changes nothing in it", async () => {
    writeFileSync(join(root, "file"), "content");
    const plan = planOf();
    await write(plan, "plain");
    await write(plan, "moved", {}, 2 ** 21);
    expect(
      readFileSync(join(directory, "moved"))
        .subarray(2 ** 21)
        .equals(readFileSync(join(directory, "plain"))),
    ).toBe(true);
  });

  test("zeros stay holes: a sparse file costs no space in the image", async () => {
    writeFileSync(join(root, "sparse"), "begin");
    truncateSync(join(root, "sparse"), 200 * 2 ** 20);
    const result = await write(planOf(), "image", { threads: 1 });
    expect(result.ok).toBe(true);
    const { size, blocks } = statSync(join(directory, "image"));
    expect(size).toBeGreaterThan(200 * 2 ** 20);
    expect(blocks * 512).toBeLessThan(2 ** 20);
  });

  test("progress ends at the image's size", async () => {
    makeMixedTree();
    const plan = planOf();
    const seen: number[] = [];
    await write(plan, "image", { onProgress: (done) => seen.push(done) });
    expect(seen.at(-1)).toBe(plan.sizeBytes);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test("an aborted signal ends with interrupted", async () => {
    makeMixedTree();
    expect(await write(planOf(), "image", { signal: AbortSignal.abort() })).toMatchObject({
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
    ["was replaced by a link", () => replace(() => symlinkSync("/etc/passwd", path()))],
    ["was replaced by a copy", () => replace(() => writeFileSync(path(), "x".repeat(5000)))],
    ["vanished", () => unlinkSync(path())],
  ])("that %s is input-changed, with its path", async (_, change) => {
    writeFileSync(path(), "x".repeat(5000));
    const plan = planOf();
    change();
    for (const threads of hasWorker ? [1, 2] : [1]) {
      const result = await write(plan, "image", { threads });
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
    const result = await write(planOf(), "small/image");
    expect(result).toMatchObject({ ok: false, error: { code: "no-space", detail: "ENOSPC" } });
  } finally {
    spawnSync("umount", [mountPoint]);
  }
});
