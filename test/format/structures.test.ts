/** TypeScript and C meet at docs/format.md: what the engine encodes, the runtime's structures read back field by field. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DIRENT_BYTES, HEADER_BYTES, INODE_BYTES, SECTION_ENTRY_BYTES } from "../../src/image/constants.js";
import { encodeInode } from "../../src/image/encode-inode.js";
import { encodeSuperblock } from "../../src/image/encode-superblock.js";
import { encodeSections } from "../../src/image/sections.js";
import { encodeNoteDescriptor } from "../../src/link/note.js";
import type { InodeAttributes } from "../../src/model.js";

const NOTE_AT = 4096;
const SECTIONS_AT = NOTE_AT + 512;

test("the runtime's structures read what the engine encodes", () => {
  const bytes = Buffer.alloc(8192);
  encodeSuperblock({
    layout: "compact",
    sizeBytes: 5_000_003 * 4096,
    inodeCount: 1_000_001,
    sectionTableOffset: 0x1_2345_6788,
    sectionCount: 3,
    hasChunkedFiles: true,
    buildTime: 1_700_000_000,
  }).copy(bytes);
  const attributes: InodeAttributes = {
    type: "directory",
    mode: 0o1755,
    uid: 70_001,
    gid: 70_002,
    mtimeSeconds: -2,
    mtimeNsec: 1,
    rdev: 0,
  };
  const place = { dataLayout: 2, xattrIcount: 7, sizeBytes: 0x1_0000_0005, union: 0x8765_4321, ino: 9, nlink: 11 };
  encodeInode(attributes, place, bytes, 1152);
  const merkleRoot = Buffer.alloc(32, 200);
  encodeNoteDescriptor({ sizeBytes: 2 ** 40, merkleRoot }, -(2n ** 41n)).copy(bytes, NOTE_AT);
  const declarations = { hostPaths: [Buffer.from("/etc/hosts")], volumes: [], sealed: false };
  encodeSections(declarations, SECTIONS_AT).bytes.copy(bytes, SECTIONS_AT);

  const directory = mkdtempSync(join(tmpdir(), "binaryfs-format-"));
  try {
    const program = join(directory, "fields");
    const source = join(import.meta.dirname, "fields.c");
    const include = join(import.meta.dirname, "../../src/runtime/include");
    execFileSync("gcc", ["-std=c11", "-Wall", "-Wextra", `-I${include}`, "-o", program, source]);
    const file = join(directory, "bytes");
    writeFileSync(file, bytes);
    const fields = JSON.parse(execFileSync(program, [file], { encoding: "utf8" }));
    expect(fields).toEqual({
      magic: "BINARYFS",
      version: "1",
      headerSize: "128",
      imageSize: String(5_000_003 * 4096),
      sectionTableOffset: String(0x1_2345_6788),
      sectionCount: "3",
      sectionEntrySize: "32",
      segmentSize: "1048576",
      layout: "1",
      inodeCount: "1000001",
      erofsMagic: "1",
      compat: "3",
      incompat: "4",
      blockBits: "12",
      rootNid: "36",
      inos: "1000001",
      buildTime: "1700000000",
      blocks: "5000003",
      format: "5",
      xattrIcount: "7",
      mode: String(0o041755),
      size: String(0x1_0000_0005),
      union: String(0x8765_4321),
      ino: "9",
      uid: "70001",
      gid: "70002",
      mtime: "-2",
      mtimeNsec: "1",
      nlink: "11",
      noteVersion: "1",
      noteFlags: "1",
      imageDelta: String(-(2n ** 41n)),
      noteImageSize: String(2 ** 40),
      rootByte: "200",
      sectionType: "1",
      sectionVersion: "1",
      sectionFlags: "1",
      sectionOffset: String(SECTIONS_AT + 32),
      sectionSize: String(4 + 4 + "/etc/hosts".length),
      sizes: `${HEADER_BYTES} 128 ${INODE_BYTES} 64 ${SECTION_ENTRY_BYTES} ${DIRENT_BYTES}`,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
