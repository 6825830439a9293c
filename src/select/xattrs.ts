/** Reads extended attributes, which Node has no calls for, through the helper `bfs-xattr` that is built with the runtime. */

import { spawnSync } from "node:child_process";
import { fail, ok, type Result } from "../errors.js";
import { XATTR_VALUE_MAX } from "../image/constants.js";
import { splitXattrName, XATTR_AREA_MAX, xattrAreaBytes } from "../image/encode-xattrs.js";
import type { Warning, Xattr } from "../model.js";
import { runtimePath } from "../runtime-files.js";
import { Glob } from "./glob.js";
import { type PathLike, toBytes, toLatin1 } from "./paths.js";
import type { WalkedNode } from "./walk.js";

/** Paths at a time: bounds the helper's output in memory. */
const PATHS_A_RUN = 4096;
const OUTPUT_LIMIT_BYTES = 1024 ** 3;

/**
 * Sets `xattrs` of nodes that have some whose names match.
 * @returns a warning for each name that the image format cannot hold
 * Errors: `template-missing` (the helper), `unreadable`, `xattr-too-large` (a value of more than 65,535 bytes, or 262,148 bytes in all)
 */
export function readXattrs(
  nodes: readonly WalkedNode[],
  rootHost: string,
  patterns: readonly PathLike[],
): Result<Warning[]> {
  const warnings: Warning[] = [];
  if (patterns.length === 0) return ok(warnings);
  const globs = patterns.map((pattern) => new Glob(toLatin1(pattern)));
  for (let start = 0; start < nodes.length; start += PATHS_A_RUN) {
    const some = nodes.slice(start, start + PATHS_A_RUN);
    const lists = runHelper(some.map(({ guest }) => toBytes(guest === "/" ? rootHost || "/" : rootHost + guest)));
    if (!lists.ok) return lists;
    for (const [index, { node, guest }] of some.entries()) {
      const kept: Xattr[] = [];
      for (const xattr of lists.value[index] ?? []) {
        const name = xattr.name.toString("latin1");
        if (!globs.some((glob) => glob.matches(name))) continue;
        if (splitXattrName(xattr.name) !== undefined) kept.push(xattr);
        else warnings.push({ code: "xattr-skipped", path: toBytes(guest), detail: name });
      }
      if (kept.length === 0) continue;
      const tooLarge = kept.find(({ value }) => value.length > XATTR_VALUE_MAX);
      if (tooLarge !== undefined || xattrAreaBytes(kept) > XATTR_AREA_MAX) {
        return fail("xattr-too-large", { path: toBytes(guest), detail: tooLarge?.name.toString("latin1") ?? "" });
      }
      node.xattrs = kept.sort((a, b) => Buffer.compare(a.name, b.name));
    }
  }
  return ok(warnings);
}

/** One list a path; the protocol is described in src/native/xattr.c. */
function runHelper(paths: readonly Buffer[]): Result<Xattr[][]> {
  const input = Buffer.concat(paths.flatMap((path) => [path, Buffer.from([0])]));
  const run = spawnSync(runtimePath("bfs-xattr"), { input, maxBuffer: OUTPUT_LIMIT_BYTES });
  if (run.error !== undefined)
    return fail("template-missing", { path: Buffer.from(runtimePath("bfs-xattr")), cause: run.error });
  const lists: Xattr[][] = [];
  let at = 0;
  const number = (): number => {
    at += 4;
    return run.stdout.readUInt32LE(at - 4);
  };
  const bytes = (): Buffer => {
    const size = number();
    at += size;
    return run.stdout.subarray(at - size, at);
  };
  for (const path of paths) {
    if (run.stdout.length - at < 8) return fail("io", { path, detail: `bfs-xattr: status ${run.status}` });
    const errno = number();
    const count = number();
    if (errno !== 0) return fail("unreadable", { path, detail: `errno ${errno}` });
    lists.push(Array.from({ length: count }, () => ({ name: bytes(), value: bytes() })));
  }
  return ok(lists);
}
