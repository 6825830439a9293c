/** What an ELF program asks of its loader: interpreter, needed libraries, kind. Reads without executing. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import {
  DF_1_PIE,
  DT_FLAGS_1,
  DT_NEEDED,
  DT_NULL,
  DT_RPATH,
  DT_RUNPATH,
  DT_STRSZ,
  DT_STRTAB,
  ELF_HEADER_BYTES,
  EM_X86_64,
  ET_DYN,
  ET_EXEC,
  PROGRAM_HEADER_BYTES,
  type ProgramHeader,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
  parseElfHeader,
  parseProgramHeaders,
  stringAt,
} from "./elf.js";

export interface ElfProgram {
  /** `pie`: position-independent executable; `fixed`: linked to an address; `library`: without an entry of its own as a program. */
  readonly kind: "pie" | "fixed" | "library";
  readonly interpreter: Buffer | undefined;
  readonly isStatic: boolean;
  readonly needed: readonly Buffer[];
  /** RUNPATH, else RPATH, split at colons. */
  readonly runPath: readonly Buffer[];
}

/** Bounds of what a hostile file makes us read. */
const MAX_TABLE_BYTES = 16 << 20;
const DYNAMIC_ENTRY_BYTES = 16;

/** @returns `not-a-library` with what it is instead (a script, another machine …) as detail; `library-truncated`, `path-not-found`, `unreadable`, `io` */
export function readProgram(path: Buffer): Result<ElfProgram> {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return fail("not-a-file", { path });
    return parse(path, reader(fd));
  } catch (cause) {
    const errno = cause instanceof Error && "code" in cause ? String(cause.code) : "EIO";
    const code = errno === "ENOENT" ? "path-not-found" : errno === "EACCES" ? "unreadable" : "io";
    return fail(code, { path, detail: errno, cause });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

type Read = (offset: bigint, size: bigint) => Buffer;

/** Reads what there is of a stretch, within bounds. */
function reader(fd: number): Read {
  const fileBytes = BigInt(fstatSync(fd).size);
  return (offset, size) => {
    if (offset > fileBytes || size > BigInt(MAX_TABLE_BYTES)) return Buffer.alloc(0);
    const bytes = Buffer.alloc(Number(size < fileBytes - offset ? size : fileBytes - offset));
    const count = readSync(fd, bytes, 0, bytes.length, Number(offset));
    return bytes.subarray(0, count);
  };
}

/** Parses a program through `read`, which gives at most the bytes asked for. */
export function parse(path: Buffer, read: Read): Result<ElfProgram> {
  const start = read(0n, BigInt(ELF_HEADER_BYTES));
  const elf = parseElfHeader(start);
  if (elf === undefined) {
    return fail("not-a-library", {
      path,
      detail: start.toString("latin1", 0, 2) === "#!" ? "a script" : "not a 64-bit ELF file",
    });
  }
  if (elf.machine !== EM_X86_64) return fail("not-a-library", { path, detail: "not for x86-64" });
  if (elf.type !== ET_EXEC && elf.type !== ET_DYN)
    return fail("not-a-library", { path, detail: "neither program nor library" });
  const programs = parseProgramHeaders(
    read(elf.programHeaderOffset, BigInt(elf.programHeaderCount * PROGRAM_HEADER_BYTES)),
  );
  const isCut = programs.some(
    (p) => p.type === PT_LOAD && p.fileSize > 0n && read(p.offset + p.fileSize - 1n, 1n).length === 0,
  );
  if (isCut) return fail("library-truncated", { path, detail: "its segments end behind the file" });
  const interp = programs.find(({ type }) => type === PT_INTERP);
  const interpreter = interp && stringAt(read(interp.offset, interp.fileSize), 0);
  const dynamic = readDynamic(programs, read);
  const isPie = elf.type === ET_DYN && (interpreter !== undefined || (dynamic.flags1 & DF_1_PIE) !== 0n);
  return ok({
    kind: elf.type === ET_EXEC ? "fixed" : isPie ? "pie" : "library",
    interpreter,
    isStatic: interpreter === undefined && dynamic.needed.length === 0,
    needed: dynamic.needed,
    runPath: dynamic.runPath,
  });
}

function readDynamic(programs: readonly ProgramHeader[], read: Read) {
  const needed: Buffer[] = [];
  let runPath: Buffer[] = [];
  let flags1 = 0n;
  const segment = programs.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined) return { needed, runPath, flags1 };
  const bytes = read(segment.offset, segment.fileSize);
  const entries: [bigint, bigint][] = [];
  for (let at = 0; at + DYNAMIC_ENTRY_BYTES <= bytes.length; at += DYNAMIC_ENTRY_BYTES) {
    const tag = bytes.readBigUInt64LE(at);
    if (tag === DT_NULL) break;
    entries.push([tag, bytes.readBigUInt64LE(at + 8)]);
  }
  const entry = (tag: bigint) => entries.find(([found]) => found === tag)?.[1];
  flags1 = entry(DT_FLAGS_1) ?? 0n;
  const address = entry(DT_STRTAB);
  const holder = programs.find(
    (p) => p.type === PT_LOAD && address !== undefined && address >= p.vaddr && address - p.vaddr < p.fileSize,
  );
  if (address === undefined || holder === undefined) return { needed, runPath, flags1 };
  const strings = read(holder.offset + (address - holder.vaddr), entry(DT_STRSZ) ?? 0n);
  const text = (offset: bigint) => stringAt(strings, Number(offset));
  for (const [tag, value] of entries) {
    const name = tag === DT_NEEDED ? text(value) : undefined;
    if (name !== undefined) needed.push(name);
  }
  const path = entry(DT_RUNPATH) ?? entry(DT_RPATH);
  const joined = path === undefined ? undefined : text(path);
  if (joined !== undefined)
    runPath = joined
      .toString("latin1")
      .split(":")
      .map((part) => Buffer.from(part, "latin1"));
  return { needed, runPath, flags1 };
}
