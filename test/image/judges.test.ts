/** Images of random trees before independent judges: fsck.erofs, and where root the kernel's own driver. */

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { planCompact } from "../../src/plan/compact.js";
import { select } from "../../src/select/select.js";
import { serialize } from "../../src/serialize/serialize.js";
import { makeTree, randomTree } from "./random-tree.js";

const RUNS = Number(process.env["BINARYFS_RANDOM_TREES"] ?? 40);
const SEED = process.env["BINARYFS_SEED"];

const has = (tool: string): boolean => spawnSync(tool, ["--help"]).error === undefined;
const canMount = process.getuid?.() === 0 && readFileSync("/proc/filesystems", "latin1").includes("\terofs\n");

async function writeImage(root: string, image: string): Promise<void> {
  const tree = select({ root, secrets: "warn" });
  if (!tree.ok) throw new Error(JSON.stringify(tree.error));
  const plan = planCompact(tree.value, 0);
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  const fd = openSync(image, "w+");
  try {
    const written = await serialize(plan.value, { fd, offset: 0 });
    expect(written.ok).toBe(true);
  } finally {
    closeSync(fd);
  }
}

/** One line a node with all that an image must keep; directories' sizes and link counts are the file system's own business. */
function listing(root: string): string {
  const format = (fields: string): string[] => ["-printf", `${fields}\\0`];
  const files = spawnSync("find", [root, "!", "-type", "d", ...format("%P %y %m %U %G %T@ %n %s %l")]);
  const directories = spawnSync("find", [root, "-type", "d", ...format("%P %y %m %U %G %T@")]);
  const lines = (bytes: Buffer): string[] => bytes.toString("latin1").split("\0").sort();
  return [...lines(files.stdout), ...lines(directories.stdout)].join("\n");
}

/** Links between names: the groups of names that share an inode. */
function linkGroups(root: string): string {
  const { stdout } = spawnSync("find", [root, "-type", "f", "-links", "+1", "-printf", "%i %P\\0"]);
  const groups = new Map<string, string[]>();
  for (const line of stdout.toString("latin1").split("\0")) {
    const [inode = "", ...rest] = line.split(" ");
    groups.set(inode, [...(groups.get(inode) ?? []), rest.join(" ")]);
  }
  return [...groups.values()]
    .map((names) => names.sort().join("|"))
    .sort()
    .join("\n");
}

test.skipIf(!has("fsck.erofs"))(
  "fsck.erofs finds no errors in images of random trees, and the kernel reads them back equal",
  async () => {
    let nodes = 0;
    let mounts = 0;
    await fc.assert(
      fc.asyncProperty(randomTree, async (tree) => {
        const directory = mkdtempSync(join(tmpdir(), "binaryfs-judges-"));
        const source = join(directory, "source");
        const image = join(directory, "image");
        const mountPoint = join(directory, "mount");
        try {
          mkdirSync(source);
          mkdirSync(mountPoint);
          nodes += makeTree(source, tree);
          await writeImage(source, image);
          const fsck = spawnSync("fsck.erofs", ["-d3", image], { encoding: "latin1" });
          expect(fsck.stdout + fsck.stderr).toContain("No errors found");
          if (!canMount || spawnSync("mount", ["-t", "erofs", "-o", "loop,ro", image, mountPoint]).status !== 0) return;
          mounts++;
          try {
            expect(
              spawnSync("diff", ["-r", "--no-dereference", source, mountPoint], { encoding: "latin1" }).stdout,
            ).toBe("");
            expect(listing(mountPoint)).toBe(listing(source));
            expect(linkGroups(mountPoint)).toBe(linkGroups(source));
            expect(readdirSync(mountPoint, "latin1").length).toBe(tree.size);
          } finally {
            spawnSync("umount", [mountPoint]);
          }
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
      }),
      { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) },
    );
    expect(nodes).toBeGreaterThanOrEqual(RUNS);
    if (canMount) expect([0, RUNS]).toContain(mounts);
  },
  600_000,
);
