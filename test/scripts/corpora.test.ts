/** The benchmark's trees are the same wherever they are made. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { corpus } from "../../bench/corpus.mjs";

function digest(root: string): string {
  const hash = createHash("sha256");
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
    hash.update(`${path}\0`);
    if (statSync(`${root}/${path}`).isFile()) hash.update(readFileSync(`${root}/${path}`));
  }
  return hash.digest("hex");
}

test("one seed gives the same tree twice, another seed another tree, and a whole tree is not made again", () => {
  const parents = [1, 2].map(() => mkdtempSync(`${tmpdir()}/binaryfs-corpus-`));
  try {
    const [first, second] = parents.map((parent) => corpus(parent, 300, 7));
    const other = corpus(parents[0]!, 300, 8);
    expect(digest(first!.root)).toBe(digest(second!.root));
    expect(digest(other.root)).not.toBe(digest(first!.root));

    const before = statSync(first!.root, { bigint: true }).ctimeNs;
    expect(corpus(parents[0]!, 300, 7)).toEqual(first);
    expect(statSync(first!.root, { bigint: true }).ctimeNs).toBe(before);
    const files = readdirSync(first!.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files).toHaveLength(300);
  } finally {
    for (const parent of parents) rmSync(parent, { recursive: true });
  }
});
