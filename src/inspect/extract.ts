/**
 * Extracts an image into a new directory. Nothing outside of it is touched, whatever the image holds: each file is made by its single name
 * in an open directory, exclusively and without following a symlink.
 */

import { closeSync, constants, ftruncateSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES } from "../image/constants.js";
import type { ImageView } from "../image/decode.js";
import { extentsOf } from "../image/decode-data.js";
import { isDotEntry } from "../image/decode-directory.js";
import type { Inode } from "../image/decode-inode.js";
import { ExtractTarget } from "./extract-target.js";
import { RestoreScript } from "./restore.js";
import { joinPath, type PathInode } from "./walk.js";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const PIECE_BYTES = 1 << 20;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
/** Between two turns of the event loop: about 16 MiB of content, or a thousand nodes. */
const TURN_WORK = 1024;
const PIECE_WORK = 64;
const NODE_WORK = 1;
/** Each level holds a descriptor open. */
const MAX_DEPTH = 4096;

export interface Extracted {
  readonly files: number;
  readonly bytes: number;
  /** One line for each thing that this user may not do, such as making a device node. */
  readonly skipped: readonly string[];
}

/**
 * The target appears complete: a new one by rename, and of an empty one that was there nothing is left on a failure.
 * @param start directory or other node of the image; a directory's contents come directly into the target
 * @param target does not exist or is an empty directory; its parent exists
 * @returns `extract-refused` where the target is not empty; `output-unwritable`, `no-space`, `bad-image`, `interrupted`
 */
export async function extract(
  view: ImageView,
  start: PathInode,
  target: Buffer,
  signal?: AbortSignal,
): Promise<Result<Extracted>> {
  const opened = ExtractTarget.open(target);
  if (!opened.ok) return opened;
  try {
    const extracted = await extractInto(view, start, opened.value.place, signal);
    if (!extracted.ok) return inTarget(extracted.error, target);
    const published = opened.value.publish();
    return published.ok ? extracted : published;
  } finally {
    opened.value.discard();
  }
}

/** The place that was written to is ours to know; what failed there, failed in the target. */
function inTarget(error: BinaryfsError, target: Buffer): Result<never> {
  const isAboutImage = error.code === "bad-image" || error.code === "extract-refused" || error.code === "interrupted";
  if (isAboutImage || error.path === undefined) return { ok: false, error };
  return { ok: false, error: { ...error, path: error.code === "template-missing" ? error.path : target } };
}

async function extractInto(
  view: ImageView,
  start: PathInode,
  place: Buffer,
  signal: AbortSignal | undefined,
): Promise<Result<Extracted>> {
  const extraction = new Extraction(view, signal);
  let directoryFd: number | undefined;
  try {
    directoryFd = openSync(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const written = await (start.inode.type === "directory"
      ? extraction.directory(directoryFd, start, [])
      : extraction.single(directoryFd, start, view));
    if (!written.ok) return written;
    // Signals that came during the last stretch.
    await new Promise(setImmediate);
    if (signal?.aborted) return fail("interrupted");
    const skipped = extraction.script.run(directoryFd);
    return skipped.ok ? ok({ files: extraction.files, bytes: extraction.bytes, skipped: skipped.value }) : skipped;
  } catch (cause) {
    const at = extraction.current === undefined ? "" : ` at ${extraction.current.toString("utf8")}`;
    return fail(writeCode(cause), { path: place, cause, detail: `${errnoOf(cause)}${at}` });
  } finally {
    if (directoryFd !== undefined) closeSync(directoryFd);
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
  readonly #signal: AbortSignal | undefined;
  #work = 0;

  constructor(view: ImageView, signal: AbortSignal | undefined) {
    this.#view = view;
    this.#signal = signal;
  }

  async directory(fd: number, { path, inode }: PathInode, place: readonly Buffer[]): Promise<Result<void>> {
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
      const made = await this.#node(fd, name, { path: childPath, inode: child.value }, [...place, name]);
      if (!made.ok) return made;
    }
    const xattrs = this.#view.xattrs(inode);
    if (!xattrs.ok) return xattrs;
    this.script.leave(inode, xattrs.value);
    return ok(undefined);
  }

  /** A node that is no directory, alone in the target, which keeps a directory's usual mode. */
  async single(fd: number, node: PathInode, view: ImageView): Promise<Result<void>> {
    const name = node.path.subarray(node.path.lastIndexOf(0x2f) + 1);
    const made = await this.#node(fd, name, node, [name]);
    if (!made.ok) return made;
    const root = view.root();
    if (!root.ok) return root;
    this.script.leave({ ...root.value, mode: 0o755 }, []);
    return ok(undefined);
  }

  async #node(fd: number, name: Buffer, node: PathInode, place: readonly Buffer[]): Promise<Result<void>> {
    const { inode, path } = node;
    if (await this.#isInterrupted(NODE_WORK)) return fail("interrupted");
    this.current = path;
    const here = inDirectory(fd, name);
    if (inode.type === "directory") {
      mkdirSync(here, { mode: 0o700 });
      this.script.enter(name);
      const below = openSync(here, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        return await this.directory(below, node, place);
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
    const made = await this.#content(here, name, inode);
    if (!made.ok) return made;
    const xattrs = this.#view.xattrs(inode);
    if (!xattrs.ok) return xattrs;
    this.script.metadata(name, inode, xattrs.value);
    return ok(undefined);
  }

  async #content(here: Buffer, name: Buffer, inode: Inode): Promise<Result<void>> {
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

  async #file(here: Buffer, inode: Inode): Promise<Result<void>> {
    const fd = openSync(here, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const written = await this.#extents(fd, inode);
      if (written.ok) this.bytes += inode.sizeBytes;
      return written;
    } finally {
      closeSync(fd);
    }
  }

  /** Whole blocks of zeros become holes: the image cannot tell which of them were. */
  async #extents(fd: number, inode: Inode): Promise<Result<void>> {
    const { source } = this.#view;
    for (const extent of extentsOf(source, inode)) {
      if (!extent.ok) return extent;
      const { fileOffset, imageOffset, sizeBytes } = extent.value;
      if (imageOffset === undefined) continue;
      for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
        if (await this.#isInterrupted(PIECE_WORK)) return fail("interrupted");
        const piece = source.read(imageOffset + done, Math.min(PIECE_BYTES, sizeBytes - done));
        if (!piece.ok) return piece;
        writeSparsely(fd, piece.value, fileOffset + done);
      }
    }
    ftruncateSync(fd, inode.sizeBytes);
    return ok(undefined);
  }

  /** Lets signals in now and then. */
  async #isInterrupted(work: number): Promise<boolean> {
    this.#work += work;
    if (this.#work >= TURN_WORK) {
      this.#work = 0;
      await new Promise(setImmediate);
    }
    return this.#signal?.aborted === true;
  }
}

/** Leaves out whole blocks of zeros: the file is new, and its end is set afterwards. */
function writeSparsely(fd: number, bytes: Buffer, position: number): void {
  let start = 0;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const end = Math.min(at + BLOCK_BYTES, bytes.length);
    if (bytes.compare(ZERO_BLOCK, 0, end - at, at, end) !== 0) continue;
    writeAll(fd, bytes.subarray(start, at), position + start);
    start = end;
  }
  writeAll(fd, bytes.subarray(start), position + start);
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
