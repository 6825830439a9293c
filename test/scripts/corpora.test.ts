/** The benchmark's trees are the same wherever they are made, and edits of them are undone. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generate } from "../../bench/corpora/generate.mjs";
import type { TreeSpec } from "../../bench/corpora/shape.mjs";
import { withEdits } from "../../bench/lib/edited.mjs";

const spec: TreeSpec = { name: "tree", style: "python", files: 300, seed: 7, medianBytes: 500, spread: 1.5 };

function digest(root: string): string {
  const hash = createHash("sha256");
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
    hash.update(`${path}\0`);
    if (statSync(`${root}/${path}`).isFile()) hash.update(readFileSync(`${root}/${path}`));
  }
  return hash.digest("hex");
}

let caches: string[] = [];
beforeEach(() => {
  caches = [1, 2].map(() => mkdtempSync(`${tmpdir()}/binaryfs-corpus-`));
});
afterEach(() => {
  for (const cache of caches) rmSync(cache, { recursive: true });
});

test("one seed gives the same tree twice, another seed another tree, and a whole tree is not made again", async () => {
  const first = await generate(caches[0]!, spec, { workers: 1, settleMs: 0 });
  const second = await generate(caches[1]!, spec, { workers: 3, settleMs: 0 });
  const other = await generate(caches[1]!, { ...spec, name: "other", seed: 8 }, { settleMs: 0 });
  expect(digest(first.root)).toBe(digest(second.root));
  expect(digest(other.root)).not.toBe(digest(first.root));

  const before = statSync(first.root, { bigint: true }).ctimeNs;
  expect(await generate(caches[0]!, spec, { settleMs: 0 })).toEqual(first);
  expect(statSync(first.root, { bigint: true }).ctimeNs).toBe(before);
  const entries = readdirSync(first.root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  expect(files).toHaveLength(300);
  expect(entries.length - files.length + 1).toBe(first.directories);
  const sizes = files.map(({ parentPath, name }) => statSync(`${parentPath}/${name}`).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(first.bytes);
});

test("a tree is as it was after every kind of edit, and counts as incomplete meanwhile", async () => {
  const tree = await generate(caches[0]!, spec, { settleMs: 0 });
  const before = digest(tree.root);
  await withEdits({ ...tree, name: spec.name, generated: tree }, async (edits) => {
    expect(existsSync(tree.stamp)).toBe(false);
    for (let turn = 0; turn < 10; turn++) {
      for (const edit of [edits.sameSize(), edits.grow(), edits.add(), edits.remove(), edits.rename()]) {
        expect(existsSync(tree.root + edit.path)).toBe(edit.files >= 0);
      }
      edits.addDirectory();
      if (turn % 2 === 0) edits.removeDirectory();
    }
    expect(digest(tree.root)).not.toBe(before);
  });
  expect(digest(tree.root)).toBe(before);
  expect(existsSync(tree.stamp)).toBe(true);
});
