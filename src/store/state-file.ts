/** The file that keeps typed arrays between builds: read at once into one piece of memory, and thrown away whole unless every bit is as written. */

import { closeSync, constants, fstatSync, openSync, readSync, rmSync, writevSync } from "node:fs";
import { endianness } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { Xxh64 } from "../fingerprint/xxh64.js";
import { unwritable } from "../publish/output-file.js";
import { replaceFile } from "../publish/replace-file.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "../publish/temporaries.js";

export type Column =
  | Buffer
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export type Columns = Readonly<Record<string, Column>>;

export interface StateContents {
  /** What JSON can hold. */
  readonly meta: unknown;
  readonly columns: Columns;
}

export type LoadedState =
  | { readonly kind: "state"; readonly contents: StateContents }
  | { readonly kind: "absent" }
  /** Something is there that cannot be used. `version`: this file's format is another one's. */
  | { readonly kind: "discarded"; readonly reason: "truncated" | "corrupted" | "version" };

/*
 * Header: magic (8 bytes), u32 format version, u32 size of the directory, u64 size of the file.
 * Directory: JSON text { meta, columns: [name, type, offset, length][] }. Columns, each at a multiple of 8. Last: u64 xxh64 of all before.
 */
const MAGIC = Buffer.from("bfsstate");
const FORMAT_VERSION = 1;
const HEADER_BYTES = 24;
const TRAILER_BYTES = 8;
/** More than a tree of 2³² names takes is no state. */
const MAX_BYTES = 2 ** 36;

const TYPES = {
  bytes: Buffer,
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
} as const;
type TypeName = keyof typeof TYPES;
type Directory = { meta: unknown; columns: [name: string, type: TypeName, offset: number, length: number][] };

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/**
 * Appears by rename, complete.
 * Errors: `no-space`, `output-unwritable`
 */
export function writeState(path: Buffer, contents: StateContents): Result<void> {
  const temporary = temporaryPath(path);
  let fd: number | undefined;
  try {
    sweepTemporaries(path);
    fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    trackTemporary(temporary);
    writeParts(fd, encode(contents));
    closeSync(fd);
    fd = undefined;
    replaceFile(temporary, path);
    return ok(undefined);
  } catch (cause) {
    rmSync(temporary, { force: true });
    return unwritable(path, cause);
  } finally {
    if (fd !== undefined) closeSync(fd);
    untrackTemporary(temporary);
  }
}

function encode({ meta, columns }: StateContents): Uint8Array[] {
  const contents: Uint8Array[] = [];
  const directory: Directory = { meta, columns: [] };
  let offset = 0;
  for (const [name, column] of Object.entries(columns)) {
    directory.columns.push([name, typeOf(column), offset, column.length]);
    contents.push(bytesOf(column), padding(column.byteLength));
    offset += aligned(column.byteLength);
  }
  const text = Buffer.from(JSON.stringify(directory));
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES + aligned(text.length) + offset + TRAILER_BYTES), 16);
  header.writeUInt32LE(text.length, 12);
  const parts = [header, text, padding(text.length), ...contents];
  const hash = new Xxh64();
  for (const part of parts) hash.update(part);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeBigUInt64LE(hash.digest());
  return [...parts, trailer];
}

const bytesOf = (column: Column): Uint8Array => new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
const ZEROS = Buffer.alloc(8);
const padding = (bytes: number): Buffer => ZEROS.subarray(0, aligned(bytes) - bytes);

function typeOf(column: Column): TypeName {
  if (Buffer.isBuffer(column)) return "bytes";
  const entry = Object.entries(TYPES).find(([name, type]) => name !== "bytes" && column instanceof type);
  if (entry === undefined) throw new TypeError("no column type");
  return entry[0] as TypeName;
}

/** As many parts a call as the system takes (IOV_MAX). */
const PARTS_A_CALL = 1024;

function writeParts(fd: number, parts: readonly Uint8Array[]): void {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let written = writevSync(fd, rest.slice(0, PARTS_A_CALL));
    let complete = 0;
    while (complete < rest.length && written >= (rest[complete] as Uint8Array).length) {
      written -= (rest[complete] as Uint8Array).length;
      complete++;
    }
    rest = rest.slice(complete);
    if (rest[0] !== undefined) rest[0] = rest[0].subarray(written);
  }
}

/**
 * @returns columns are views of one piece of memory, aligned
 * Errors: `unreadable`
 */
export function readState(path: Buffer): Result<LoadedState> {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return ok(load(fd));
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? "";
    if (detail === "ENOENT") return ok({ kind: "absent" });
    if (detail === "EACCES" || detail === "EPERM") return fail("unreadable", { path, detail, cause });
    // A link, a damaged disk, more bytes than there is memory: the next state takes its place.
    return ok(discarded("corrupted"));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const discarded = (reason: "truncated" | "corrupted" | "version"): LoadedState => ({ kind: "discarded", reason });

function load(fd: number): LoadedState {
  const stats = fstatSync(fd);
  if (!stats.isFile()) return discarded("corrupted");
  const header = Buffer.alloc(HEADER_BYTES);
  if (!readFully(fd, header, 0)) return discarded("truncated");
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return discarded("corrupted");
  if (header.readUInt32LE(8) !== FORMAT_VERSION) return discarded("version");
  const sizeBytes = Number(header.readBigUInt64LE(16));
  if (sizeBytes > MAX_BYTES || sizeBytes % 8 !== 0) return discarded("corrupted");
  if (stats.size < sizeBytes) return discarded("truncated");
  if (stats.size > sizeBytes || sizeBytes < HEADER_BYTES + TRAILER_BYTES) return discarded("corrupted");
  const file = Buffer.allocUnsafeSlow(sizeBytes);
  if (!readFully(fd, file, 0)) return discarded("truncated");
  const end = sizeBytes - TRAILER_BYTES;
  if (new Xxh64().update(file.subarray(0, end)).digest() !== file.readBigUInt64LE(end)) return discarded("corrupted");
  const contents = decode(file, end);
  return contents === undefined ? discarded("corrupted") : { kind: "state", contents };
}

function decode(file: Buffer, end: number): StateContents | undefined {
  const textBytes = file.readUInt32LE(12);
  const first = HEADER_BYTES + aligned(textBytes);
  if (first > end) return undefined;
  const { meta, columns } = JSON.parse(file.toString("utf8", HEADER_BYTES, HEADER_BYTES + textBytes)) as Directory;
  const views: Record<string, Column> = {};
  for (const [name, type, offset, length] of columns) {
    if (first + offset + length * widthOf(type) > end) return undefined;
    const start = file.byteOffset + first + offset;
    views[name] =
      type === "bytes"
        ? Buffer.from(file.buffer as ArrayBuffer, start, length)
        : new TYPES[type](file.buffer as ArrayBuffer, start, length);
  }
  return { meta, columns: views };
}

const widthOf = (type: TypeName): number => (type === "bytes" ? 1 : TYPES[type].BYTES_PER_ELEMENT);

/** Reads of one call are limited to 2 GiB. */
const READ_BYTES = 1 << 30;

function readFully(fd: number, into: Buffer, position: number): boolean {
  for (let done = 0; done < into.length; ) {
    const got = readSync(fd, into, done, Math.min(READ_BYTES, into.length - done), position + done);
    if (got === 0) return false;
    done += got;
  }
  return true;
}

// Columns are stored as they lie in memory.
if (endianness() !== "LE") throw new Error("little-endian hosts only");
