/** Reads the extended attributes that were asked for. */

import { fail, ok, type Result } from "../errors.js";
import { XATTR_VALUE_MAX } from "../image/constants.js";
import { splitXattrName, XATTR_AREA_MAX, xattrAreaBytes } from "../image/encode-xattrs.js";
import type { NodeTable, Xattr } from "../model.js";
import { addon } from "../native/addon.js";
import { guestPath } from "../tree/paths.js";
import type { RowWarning } from "./assemble.js";
import { Glob } from "./glob.js";
import { failureOfErrno } from "./listing.js";
import { type PathLike, toBytes, toLatin1 } from "./paths.js";

/** Paths at a time: bounds the answer in memory. */
const PATHS_A_RUN = 4096;

export interface ReadXattrs {
  readonly lists: ReadonlyMap<number, readonly Xattr[]>;
  /** One for each name that the image format cannot hold. */
  readonly warnings: readonly RowWarning[];
}

/**
 * Extended attributes of rows whose names match.
 * Errors: `unreadable`, `input-changed`, `xattr-too-large` (a value of more than 65,535 bytes, or 262,148 bytes in all)
 */
export function readXattrs(
  table: NodeTable,
  rows: readonly number[],
  rootHost: string,
  patterns: readonly PathLike[],
): Result<ReadXattrs> {
  const lists = new Map<number, readonly Xattr[]>();
  const warnings: RowWarning[] = [];
  if (patterns.length === 0) return ok({ lists, warnings });
  const globs = patterns.map((pattern) => new Glob(toLatin1(pattern)));
  for (let start = 0; start < rows.length; start += PATHS_A_RUN) {
    const some = rows.slice(start, start + PATHS_A_RUN);
    const guests = some.map((row) => guestPath(table, row));
    const host = toBytes(rootHost);
    const read = readAll(
      guests.map((guest) => (guest.length === 1 ? toBytes(rootHost || "/") : Buffer.concat([host, guest]))),
    );
    if (!read.ok) return read;
    for (const [index, row] of some.entries()) {
      const path = guests[index] as Buffer;
      const kept: Xattr[] = [];
      for (const xattr of read.value[index] ?? []) {
        const name = xattr.name.toString("latin1");
        if (!globs.some((glob) => glob.matches(name))) continue;
        if (splitXattrName(xattr.name) !== undefined) kept.push(xattr);
        else warnings.push({ row, warning: { code: "xattr-skipped", path, detail: name } });
      }
      if (kept.length === 0) continue;
      const tooLarge = kept.find(({ value }) => value.length > XATTR_VALUE_MAX);
      if (tooLarge !== undefined || xattrAreaBytes(kept) > XATTR_AREA_MAX) {
        return fail("xattr-too-large", { path, detail: tooLarge?.name.toString("latin1") ?? "" });
      }
      lists.set(
        row,
        kept.sort((a, b) => Buffer.compare(a.name, b.name)),
      );
    }
  }
  return ok({ lists, warnings });
}

/** One list a path. */
function readAll(paths: readonly Buffer[]): Result<Xattr[][]> {
  const end = Buffer.from([0]);
  const answer = addon.readXattrs(Buffer.concat(paths.flatMap((path) => [path, end])), paths.length);
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const lists: Xattr[][] = [];
  let at = 0;
  const number = (): number => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const text = (): Buffer => {
    const size = number();
    at += size;
    // A copy: a few attributes must not keep all of the answer.
    return Buffer.from(bytes.subarray(at - size, at));
  };
  for (const path of paths) {
    const errno = number();
    const count = number();
    if (errno !== 0) return { ok: false, error: failureOfErrno(path, errno) };
    lists.push(Array.from({ length: count }, () => ({ name: text(), value: text() })));
  }
  return ok(lists);
}
