/**
 * An independent check of an image's structure: every inode, entry and extent, their counts and order, that nothing overlaps and that
 * what nobody refers to is zero. Neither the kernel nor fsck.erofs checks most of this.
 */

import { ok, type Result } from "../errors.js";
import {
  BLOCK_BYTES,
  DATA_LAYOUT,
  DIRENT_BYTES,
  FILE_TYPE,
  NID_BYTES,
  ROOT_OFFSET,
  SECTION_ENTRY_BYTES,
} from "../image/constants.js";
import type { ImageView } from "../image/decode.js";
import { chunkMap, extentsOf } from "../image/decode-data.js";
import type { DirectoryEntry } from "../image/decode-directory.js";
import type { Inode } from "../image/decode-inode.js";
import { ByteRanges } from "./byte-ranges.js";
import { joinPath, type PathInode } from "./walk.js";

/** Enough to see what is wrong. */
const MAX_PROBLEMS = 20;

export interface Problem {
  readonly path?: Buffer;
  readonly detail: string;
}

export interface Structure {
  readonly inodes: number;
  readonly entries: number;
  readonly problems: readonly Problem[];
}

/** @returns what is wrong, in `problems`; `io` alone is a failure */
export function verifyStructure(view: ImageView): Result<Structure> {
  const check = new StructureCheck(view);
  check.walk();
  check.countAll();
  check.coverSections();
  if (check.problems.length === 0) check.examineRanges();
  if (check.inputFailure !== undefined) return check.inputFailure;
  return ok({ inodes: check.inodeCount, entries: check.entryCount, problems: check.problems });
}

class StructureCheck {
  readonly problems: Problem[] = [];
  inputFailure: Extract<Result<never>, { ok: false }> | undefined;
  entryCount = 0;
  readonly #view: ImageView;
  readonly #ranges = new ByteRanges();
  /** nid → names found, and nlink as it stands. */
  readonly #links = new Map<number, { inode: Inode; names: number; path: Buffer }>();
  readonly #inos = new Set<number>();

  constructor(view: ImageView) {
    this.#view = view;
    this.#ranges.add(0, ROOT_OFFSET);
  }

  get inodeCount(): number {
    return this.#links.size;
  }

  walk(): void {
    const root = this.#take(this.#view.root(), Buffer.from("/"));
    if (root === undefined) return;
    if (root.type !== "directory") {
      this.#report("the root is no directory");
      return;
    }
    this.#arrive(root, Buffer.from("/"));
    const pending: (PathInode & { parent: number })[] = [{ path: Buffer.from("/"), inode: root, parent: root.nid }];
    let budget = this.#view.source.sizeBytes / DIRENT_BYTES;
    for (let next = pending.pop(); next !== undefined && this.#mayGoOn(); next = pending.pop()) {
      const { path, inode, parent } = next;
      const entries = this.#take(this.#view.entries(inode), path);
      if (entries === undefined) continue;
      budget -= entries.length;
      if (budget < 0) {
        this.#report("more entries than the image has room for", path);
        return;
      }
      const below = this.#directory(path, inode, entries, parent);
      pending.push(...below.map((child) => ({ ...child, parent: inode.nid })).reverse());
    }
  }

  countAll(): void {
    const { inodeCount } = this.#view.superblock;
    if (this.#links.size !== inodeCount)
      this.#report(`${this.#links.size} inodes found, the header says ${inodeCount}`);
    for (const { inode, names, path } of this.#links.values()) {
      if (inode.type !== "directory" && inode.nlink !== names)
        this.#report(`nlink is ${inode.nlink}, names are ${names}`, path);
    }
  }

  coverSections(): void {
    const { sectionCount, sectionTableOffset } = this.#view.superblock;
    this.#ranges.add(sectionTableOffset, sectionCount * SECTION_ENTRY_BYTES);
    for (const { offset, sizeBytes } of this.#view.sections) this.#ranges.add(offset, sizeBytes);
  }

  examineRanges(): void {
    const { source } = this.#view;
    const overlap = this.#ranges.sortAndFindOverlap();
    if (overlap !== undefined) {
      this.#report(`two owners of byte ${overlap}`);
      return;
    }
    for (const [start, end] of this.#ranges.gaps(source.sizeBytes)) {
      for (let at = start; at < end && this.#mayGoOn(); at += GAP_PIECE_BYTES) {
        const piece = this.#take(source.read(at, Math.min(GAP_PIECE_BYTES, end - at)));
        if (piece === undefined) return;
        if (isZero(piece)) continue;
        this.#report(`bytes that nobody refers to are not zero, from ${at} to ${at + piece.length}`);
        return;
      }
    }
  }

  /** @returns the subdirectories */
  #directory(path: Buffer, inode: Inode, entries: readonly DirectoryEntry[], parent: number): PathInode[] {
    const below: PathInode[] = [];
    const special = { ".": inode.nid, "..": parent };
    const found = new Set<string>();
    let before: Buffer | undefined;
    for (const { name, nid, fileType } of entries) {
      if (!this.#mayGoOn()) return [];
      this.entryCount++;
      if (before !== undefined && Buffer.compare(before, name) >= 0) this.#report("entries not in order", path);
      before = name;
      const text = name.toString("latin1");
      if (text === "." || text === "..") {
        found.add(text);
        if (nid !== special[text]) this.#report(`${text} leads elsewhere`, path);
        if (fileType !== FILE_TYPE.directory.dirent) this.#report(`${text} is no directory`, path);
        continue;
      }
      const childPath = joinPath(path, name);
      const child = this.#take(this.#view.inode(nid), childPath);
      if (child === undefined) continue;
      if (FILE_TYPE[child.type].dirent !== fileType) this.#report("entry and inode differ in type", childPath);
      const isNew = this.#arrive(child, childPath);
      if (child.type !== "directory") continue;
      if (isNew) below.push({ path: childPath, inode: child });
      else this.#report("directory in two places", childPath);
    }
    if (found.size !== 2) this.#report("`.` or `..` is missing", path);
    const subdirectories = below.length;
    if (inode.nlink !== 2 + subdirectories)
      this.#report(`nlink is ${inode.nlink}, subdirectories are ${subdirectories}`, path);
    return below;
  }

  /** One more name of an inode. @returns whether it is the first */
  #arrive(inode: Inode, path: Buffer): boolean {
    const known = this.#links.get(inode.nid);
    if (known !== undefined) {
      known.names++;
      return false;
    }
    this.#links.set(inode.nid, { inode, names: 1, path });
    if (!this.#isInodeNumber(inode)) this.#report(`inode number ${inode.ino} of inode ${inode.nid}`, path);
    if (this.#inos.has(inode.ino)) this.#report(`inode number ${inode.ino} twice`, path);
    this.#inos.add(inode.ino);
    if (inode.inodeBytes !== 64) this.#report("compact inode", path);
    this.#take(this.#view.xattrs(inode), path);
    this.#coverInode(inode, path);
    return true;
  }

  /** Positions in path order where the layout is compact or nids may have more than 32 bits, else the nids themselves. */
  #isInodeNumber({ ino, nid }: Inode): boolean {
    const { layout, inodeCount, sizeBytes } = this.#view.superblock;
    if (layout === "stable" && sizeBytes <= NID_BYTES * 2 ** 32) return ino === nid;
    return ino >= 1 && ino <= inodeCount;
  }

  #coverInode(inode: Inode, path: Buffer): void {
    this.#ranges.add(inode.offset, inode.inodeBytes + inode.xattrBytes);
    if (inode.type === "symlink") {
      const target = this.#take(this.#view.target(inode), path);
      if (target?.length === 0 || target?.includes(0)) this.#report("symlink body is empty or holds NUL", path);
    }
    if (inode.type !== "file" && inode.type !== "directory" && inode.type !== "symlink") {
      if (inode.sizeBytes !== 0) this.#report(`${inode.type} with a size`, path);
      return;
    }
    if (inode.dataLayout === DATA_LAYOUT.chunkBased) {
      const { offset, entryBytes, count } = chunkMap(inode);
      this.#ranges.add(offset, entryBytes * count);
    }
    for (const extent of extentsOf(this.#view.source, inode)) {
      const taken = this.#take(extent, path);
      if (taken === undefined) return;
      if (taken.imageOffset === undefined) continue;
      if (!taken.isInline && taken.imageOffset % BLOCK_BYTES !== 0) this.#report("data not aligned", path);
      this.#ranges.add(taken.imageOffset, taken.sizeBytes);
    }
  }

  #take<T>(result: Result<T>, path?: Buffer): T | undefined {
    if (result.ok) return result.value;
    if (result.error.code === "bad-image") this.#report(result.error.detail ?? "malformed", path);
    else this.inputFailure ??= result;
    return undefined;
  }

  #report(detail: string, path?: Buffer): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ detail, ...(path !== undefined && { path }) });
  }

  #mayGoOn(): boolean {
    return this.inputFailure === undefined && this.problems.length < MAX_PROBLEMS;
  }
}

const GAP_PIECE_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(GAP_PIECE_BYTES);
const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length));
