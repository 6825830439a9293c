/** The list of an image's contents: what `binaryfs ls --json` prints of it, from what it was made of. */

import { writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { jsonNode } from "../cli/format-node.js";
import { ok, type Result } from "../errors.js";
import type { NodeDescription } from "../inspect/describe.js";
import { type NodeTable, ROW } from "../model.js";
import { type Inventory, takeInventory } from "../plan/inventory.js";
import { OutputFile, unwritable } from "../publish/output-file.js";
import { allPaths } from "../select/settle.js";
import type { ShardTree } from "../shard/shard-tree.js";
import { attributesOf } from "../tree/attributes.js";
import { bodyOf } from "../tree/row.js";

const FLUSH_NODES = 4096;
const SHA256_BYTES = 32;
const NANOSECONDS = 1_000_000_000n;

/**
 * @param tree of the library
 * @param output absolute host path of the list
 * Errors: those of `OutputFile`, `no-space`
 */
export async function writeContents(tree: ShardTree, output: Buffer): Promise<Result<void>> {
  const inventory = takeInventory(tree);
  const file = OutputFile.create(output, 0o644);
  if (!file.ok) return file;
  try {
    let lines: string[] = [];
    const flush = (): void => {
      const bytes = Buffer.from(lines.join(""));
      for (let done = 0; done < bytes.length; ) done += writeSync(file.value.fd, bytes, done);
      lines = [];
    };
    for (const { path, row } of selectedPaths(tree.table)) {
      lines.push(`${JSON.stringify(jsonNode(describe(tree, inventory, path, row)))}\n`);
      if (lines.length < FLUSH_NODES) continue;
      flush();
      await nextTurn();
    }
    flush();
    const published = file.value.publish();
    return published.ok ? ok(undefined) : published;
  } catch (cause) {
    return unwritable(output, cause);
  } finally {
    file.value.discard();
  }
}

interface PathRow {
  /** Latin1 text. */
  readonly path: string;
  readonly row: number;
}

/** In byte order of the whole paths, as `ls` has them. */
function selectedPaths(table: NodeTable): PathRow[] {
  const found: PathRow[] = [{ path: "/", row: 0 }];
  let row = 0;
  for (const path of allPaths(table)) {
    if (((table.flags[++row] as number) & ROW.selected) !== 0) found.push({ path, row });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function describe(tree: ShardTree, inventory: Inventory, path: string, row: number): NodeDescription {
  const { table, places } = tree;
  const { type, mode, uid, gid, mtimeSeconds, mtimeNsec } = attributesOf(tree, row);
  const ordinal = inventory.ordinal[row] as number;
  return {
    path: Buffer.from(path, "latin1"),
    type,
    mode,
    uid,
    gid,
    sizeBytes: inventory.contentBytes[ordinal] as number,
    mtimeNs: BigInt(mtimeSeconds) * NANOSECONDS + BigInt(mtimeNsec),
    nlink: inventory.nlink[ordinal] as number,
    // Not a part of the list.
    ino: 0,
    rdev: undefined,
    target: type === "symlink" ? bodyOf(table, row) : undefined,
    sha256: type === "file" ? places.sha256.toString("hex", row * SHA256_BYTES, (row + 1) * SHA256_BYTES) : undefined,
    xattrs: [],
  };
}
