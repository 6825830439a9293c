/** Opens a library and finds its image without executing anything; whatever the file holds, the answer is a library or a failure. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import {
  ELF_HEADER_BYTES,
  EM_X86_64,
  ET_DYN,
  PF_R,
  PROGRAM_HEADER_BYTES,
  type ProgramHeader,
  PT_LOAD,
  PT_NOTE,
  parseElfHeader,
  parseProgramHeaders,
} from "./elf.js";
import { findNote, NOTE_HAS_IMAGE, NOTE_VERSION, type Note } from "./note.js";

const BLOCK_BYTES = 4096;
/** More than any linker writes; a bound on what a hostile file makes us read. */
const MAX_NOTE_SEGMENT_BYTES = 1n << 20n;
const MAX_PROGRAM_HEADERS = 1024;
const KEPT_IN_FILE: ReadonlySet<number> = new Set([PT_LOAD, PT_NOTE]);

/** An open library. `close` it. */
export interface Library {
  readonly path: Buffer;
  readonly fd: number;
  readonly fileBytes: number;
  /** Of the image in the file; a multiple of 4,096. */
  readonly imageOffset: number;
  /** A positive multiple of 4,096; the image lies wholly inside the file. */
  readonly imageBytes: number;
  /** As the note says, 32 bytes; only `verify` proves it. */
  readonly merkleRoot: Buffer;
  close(): void;
}

/**
 * Opens a library for reading.
 * @param path of a regular file
 * @returns the library; `path-not-found`, `unreadable` or `io` where it cannot be read, `not-a-library` where it is no library of ours, `library-truncated` where it is one that was cut short
 */
export function openLibrary(path: Buffer): Result<Library> {
  let fd: number;
  try {
    // O_NONBLOCK: a fifo must not keep us waiting for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const detail = errnoOf(cause);
    const code = detail === "ENOENT" ? "path-not-found" : detail === "EACCES" ? "unreadable" : "io";
    return fail(code, { path, detail, cause });
  }
  let result: Result<Library>;
  try {
    result = locate(path, fd);
  } catch (cause) {
    result = fail("io", { path, detail: errnoOf(cause), cause });
  }
  if (!result.ok) closeSync(fd);
  return result;
}

function locate(path: Buffer, fd: number): Result<Library> {
  const status = fstatSync(fd);
  const notOurs = (detail: string) => fail("not-a-library", { path, detail });
  if (!status.isFile()) return notOurs("not a regular file");
  const fileBytes = status.size;

  const elf = parseElfHeader(readUpTo(fd, 0, ELF_HEADER_BYTES));
  if (elf === undefined) return notOurs("not a 64-bit ELF file");
  if (elf.type !== ET_DYN || elf.machine !== EM_X86_64) return notOurs("not an x86-64 shared library");
  if (elf.programHeaderCount > MAX_PROGRAM_HEADERS) return notOurs("too many program headers");
  const tableBytes = elf.programHeaderCount * PROGRAM_HEADER_BYTES;
  if (!isInside(elf.programHeaderOffset, BigInt(tableBytes), fileBytes)) {
    return fail("library-truncated", { path, detail: "program headers" });
  }
  const programs = parseProgramHeaders(readUpTo(fd, Number(elf.programHeaderOffset), tableBytes));

  const found = findLibraryNote(fd, fileBytes, programs);
  if (found === undefined) {
    // What is cut off may be the note.
    const isCut = programs.some((p) => KEPT_IN_FILE.has(p.type) && !isInside(p.offset, p.fileSize, fileBytes));
    if (isCut)
      return fail("library-truncated", { path, detail: `its segments end behind the file's ${fileBytes} bytes` });
    return notOurs("no binaryfs note");
  }
  const { note, descriptorAddress } = found;
  if (note.version !== NOTE_VERSION) return notOurs(`note version ${note.version}`);
  if ((note.flags & NOTE_HAS_IMAGE) === 0) return notOurs("it carries no image");

  const place = placeOf(note, descriptorAddress, programs);
  if (place === undefined) return fail("bad-image", { path, detail: "the note points outside the library" });
  if (!isInside(place, note.imageBytes, fileBytes)) {
    return fail("library-truncated", {
      path,
      detail: `${note.imageBytes} bytes of image at ${place}, file of ${fileBytes}`,
    });
  }
  let isOpen = true;
  return ok({
    path,
    fd,
    fileBytes,
    imageOffset: Number(place),
    imageBytes: Number(note.imageBytes),
    merkleRoot: note.merkleRoot,
    close: () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  });
}

function findLibraryNote(
  fd: number,
  fileBytes: number,
  programs: readonly ProgramHeader[],
): { note: Note; descriptorAddress: bigint } | undefined {
  for (const p of programs) {
    if (p.type !== PT_NOTE || p.fileSize > MAX_NOTE_SEGMENT_BYTES || !isInside(p.offset, p.fileSize, fileBytes))
      continue;
    const found = findNote(readUpTo(fd, Number(p.offset), Number(p.fileSize)), p.align);
    if (found !== undefined) return { note: found.note, descriptorAddress: p.vaddr + BigInt(found.descriptorAt) };
  }
  return undefined;
}

/** File offset of the image, where one read-only PT_LOAD holds all of it. */
function placeOf(note: Note, descriptorAddress: bigint, programs: readonly ProgramHeader[]): bigint | undefined {
  const address = descriptorAddress + note.imageDelta;
  const size = note.imageBytes;
  if (size === 0n || size % BigInt(BLOCK_BYTES) !== 0n) return undefined;
  const holder = programs.find(
    (p) =>
      p.type === PT_LOAD &&
      p.flags === PF_R &&
      address >= p.vaddr &&
      address - p.vaddr <= p.fileSize &&
      size <= p.fileSize - (address - p.vaddr),
  );
  if (holder === undefined) return undefined;
  const offset = holder.offset + (address - holder.vaddr);
  return offset % BigInt(BLOCK_BYTES) === 0n && offset <= BigInt(Number.MAX_SAFE_INTEGER) ? offset : undefined;
}

const isInside = (offset: bigint, size: bigint, limit: number): boolean =>
  offset <= BigInt(limit) && size <= BigInt(limit) - offset;

function readUpTo(fd: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const count = readSync(fd, bytes, done, size - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

const errnoOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "EIO";
