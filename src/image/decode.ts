/** Opens an image for reading: header and sections are validated at once, inodes and directories as they are reached. */

import { ok, type Result } from "../errors.js";
import type { Declarations, Xattr } from "../model.js";
import { wholeContent } from "./decode-data.js";
import { type DirectoryEntry, decodeDirectory } from "./decode-directory.js";
import { decodeInode, type Inode } from "./decode-inode.js";
import { decodeDeclarations, decodeSectionTable, type Section } from "./decode-sections.js";
import type { ByteSource } from "./decode-source.js";
import { decodeSuperblock, type Superblock } from "./decode-superblock.js";
import { decodeXattrs } from "./decode-xattrs.js";

/** Linux's PATH_MAX, and so the longest symlink body. */
const SYMLINK_MAX_BYTES = 4095;

/** A view of one image; every method validates what it reads (`bad-image`). */
export class ImageView {
  readonly source: ByteSource;
  readonly superblock: Superblock;
  readonly sections: readonly Section[];
  readonly declarations: Declarations;

  private constructor(
    source: ByteSource,
    superblock: Superblock,
    sections: readonly Section[],
    declarations: Declarations,
  ) {
    this.source = source;
    this.superblock = superblock;
    this.sections = sections;
    this.declarations = declarations;
  }

  /** @param source the whole image */
  static open(source: ByteSource): Result<ImageView> {
    const superblock = decodeSuperblock(source);
    if (!superblock.ok) return superblock;
    const sections = decodeSectionTable(source, superblock.value);
    if (!sections.ok) return sections;
    const declarations = decodeDeclarations(source, sections.value);
    if (!declarations.ok) return declarations;
    return ok(new ImageView(source, superblock.value, sections.value, declarations.value));
  }

  inode(nid: number): Result<Inode> {
    return decodeInode(this.source, this.superblock, nid);
  }

  root(): Result<Inode> {
    return this.inode(this.superblock.rootNid);
  }

  entries(directory: Inode): Result<DirectoryEntry[]> {
    return decodeDirectory(this.source, directory);
  }

  target(symlink: Inode): Result<Buffer> {
    return wholeContent(this.source, symlink, SYMLINK_MAX_BYTES);
  }

  xattrs(inode: Inode): Result<Xattr[]> {
    return decodeXattrs(this.source, inode);
  }
}
