/**
 * Extracts an image into a new directory. Nothing outside of it is touched, whatever the image holds: each file is made by its single name
 * in an open directory, exclusively and without following a symlink.
 */

import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readdirSync, symlinkSync, writeSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import type { ImageView } from "../image/decode.js";
import { extentsOf } from "../image/decode-data.js";
import { isDotEntry } from "../image/decode-directory.js";
import type { Inode } from "../image/decode-inode.js";
import { RestoreScript } from "./restore.js";
import { joinPath, type PathInode } from "./walk.js";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const PIECE_BYTES = 1 << 20;
/** Each level holds a descriptor open. */
const MAX_DEPTH = 4096;

export interface Extracted {
  readonly files: number;
  readonly bytes: number;
  /** One line for each thing that this user may not do, such as making a device node. */
  readonly skipped: readonly string[];
}

/**
 * @param start directory or other node of the image; a directory's contents come directly into the target
 * @param target does not exist or is an empty directory; its parent exists
 * @returns `extract-refused` where the target is not empty; `output-unwritable`, `no-space`, `bad-image`
 */
export function extract(view: ImageView, start: PathInode, target: Buffer): Result<Extracted> {
  const made = makeTarget(target);
  if (!made.ok) return made;
  const extraction = new Extraction(view);
  let directoryFd: number | undefined;
  try {
    directoryFd = openSync(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const written =
      start.inode.type === "directory"
        ? extraction.directory(directoryFd, start, [])
        : extraction.single(directoryFd, start, view);
    if (!written.ok) return written;
  } catch (cause) {
    return fail(writeCode(cause), { path: extraction.current ?? target, cause, detail: errnoOf(cause) });
  } finally {
    if (directoryFd !== undefined) closeSync(directoryFd);
  }
  const skipped = extraction.script.run(target);
  return skipped.ok ? ok({ files: extraction.files, bytes: extraction.bytes, skipped: skipped.value }) : skipped;
}

function makeTarget(target: Buffer): Result<void> {
  try {
    mkdirSync(target, { mode: 0o700 });
    return ok(undefined);
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") return fail("output-unwritable", { path: target, detail: errnoOf(cause), cause });
  }
  try {
    return readdirSync(target, { encoding: "buffer" }).length === 0
      ? ok(undefined)
      : fail("extract-refused", { path: target, detail: "the directory is not empty" });
  } catch (cause) {
    return fail("extract-refused", { path: target, detail: errnoOf(cause), cause });
  }
}

class Extraction {
  files = 0;
  bytes = 0;
  /** For messages. */
  current: Buffer | undefined;
  readonly script = new RestoreScript(process.getuid?.() === 0);
  readonly #view: ImageView;
  /** First place of inodes with several names. */
  readonly #linked = new Map<number, readonly Buffer[]>();
  readonly #visited = new Set<number>();

  constructor(view: ImageView) {
    this.#view = view;
  }

  directory(fd: number, { path, inode }: PathInode, place: readonly Buffer[]): Result<void> {
    if (this.#visited.has(inode.nid)) return fail("bad-image", { path, detail: "directory in two places" });
    this.#visited.add(inode.nid);
    if (place.length > MAX_DEPTH) return fail("extract-refused", { path, detail: `deeper than ${MAX_DEPTH} levels` });
    const entries = this.#view.entries(inode);
    if (!entries.ok) return entries;
    const names = new Set<string>();
    for (const { name, nid } of entries.value) {
      if (isDotEntry(name)) continue;
      const key = name.toString("latin1");
      const childPath = joinPath(path, name);
      if (names.has(key)) return fail("bad-image", { path: childPath, detail: "name twice in a directory" });
      names.add(key);
      const child = this.#view.inode(nid);
      if (!child.ok) return child;
      const made = this.#node(fd, name, { path: childPath, inode: child.value }, [...place, name]);
      if (!made.ok) return made;
    }
    const xattrs = this.#view.xattrs(inode);
    if (!xattrs.ok) return xattrs;
    this.script.leave(inode, xattrs.value);
    return ok(undefined);
  }

  /** A node that is no directory, alone in the target, which keeps a directory's usual mode. */
  single(fd: number, node: PathInode, view: ImageView): Result<void> {
    const name = node.path.subarray(node.path.lastIndexOf(0x2f) + 1);
    const made = this.#node(fd, name, node, [name]);
    if (!made.ok) return made;
    const root = view.root();
    if (!root.ok) return root;
    this.script.leave({ ...root.value, mode: 0o755 }, []);
    return ok(undefined);
  }

  #node(fd: number, name: Buffer, node: PathInode, place: readonly Buffer[]): Result<void> {
    const { inode, path } = node;
    this.current = path;
    const here = inDirectory(fd, name);
    if (inode.type === "directory") {
      mkdirSync(here, { mode: 0o700 });
      this.script.enter(name);
      const below = openSync(here, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        return this.directory(below, node, place);
      } finally {
        closeSync(below);
      }
    }
    this.files++;
    const first = this.#linked.get(inode.nid);
    if (first !== undefined) {
      this.script.link(name, first);
      return ok(undefined);
    }
    this.#linked.set(inode.nid, place);
    const made = this.#content(here, name, inode);
    if (!made.ok) return made;
    const xattrs = this.#view.xattrs(inode);
    if (!xattrs.ok) return xattrs;
    this.script.metadata(name, inode, xattrs.value);
    return ok(undefined);
  }

  #content(here: Buffer, name: Buffer, inode: Inode): Result<void> {
    if (inode.type === "file") return this.#file(here, inode);
    if (inode.type === "symlink") {
      const target = this.#view.target(inode);
      if (!target.ok) return target;
      symlinkSync(target.value, here);
      return ok(undefined);
    }
    this.script.special(name, inode);
    return ok(undefined);
  }

  #file(here: Buffer, inode: Inode): Result<void> {
    const fd = openSync(here, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const written = this.#extents(fd, inode);
      if (written.ok) this.bytes += inode.sizeBytes;
      return written;
    } finally {
      closeSync(fd);
    }
  }

  /** Holes stay holes. */
  #extents(fd: number, inode: Inode): Result<void> {
    const { source } = this.#view;
    for (const extent of extentsOf(source, inode)) {
      if (!extent.ok) return extent;
      const { fileOffset, imageOffset, sizeBytes } = extent.value;
      if (imageOffset === undefined) continue;
      for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
        const piece = source.read(imageOffset + done, Math.min(PIECE_BYTES, sizeBytes - done));
        if (!piece.ok) return piece;
        writeAll(fd, piece.value, fileOffset + done);
      }
    }
    ftruncateSync(fd, inode.sizeBytes);
    return ok(undefined);
  }
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** NAME below an open directory: Node has no openat, and the magic link is one. */
const inDirectory = (fd: number, name: Buffer): Buffer => Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);

const errnoOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "EIO";

const writeCode = (cause: unknown): BinaryfsError["code"] => {
  const errno = errnoOf(cause);
  if (errno === "ENOSPC" || errno === "EDQUOT") return "no-space";
  return errno === "EEXIST" ? "extract-refused" : "output-unwritable";
};
