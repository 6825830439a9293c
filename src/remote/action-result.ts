/**
 * ActionResult messages, as `/ac/` of a cache holds them: OutputFile and Digest are the parts that are used.
 * Field numbers are those of `build.bazel.remote.execution.v2` (remote_execution.proto of the Remote Execution API).
 */

import Pbf from "pbf";

export interface OutputFile {
  readonly path: string;
  /** SHA-256, 64 hex digits. */
  readonly hash: string;
  readonly sizeBytes: number;
}

const ACTION_RESULT = { outputFiles: 2, exitCode: 4 } as const;
const OUTPUT_FILE = { path: 1, digest: 2 } as const;
const DIGEST = { hash: 1, sizeBytes: 2 } as const;

/** Wire types (protobuf encoding). */
const VARINT = 0;
const BYTES = 2;

/** Of a successful action: exit code 0, which proto3 leaves out, as it does with `is_executable` false. */
export function encodeActionResult(files: readonly OutputFile[]): Buffer {
  const message = new Pbf();
  for (const file of files) {
    message.writeMessage(ACTION_RESULT.outputFiles, writeOutputFile, file);
  }
  return Buffer.from(message.finish());
}

function writeOutputFile(file: OutputFile, message: Pbf): void {
  writeText(OUTPUT_FILE.path, file.path, message);
  message.writeMessage(OUTPUT_FILE.digest, writeDigest, file);
}

function writeDigest({ hash, sizeBytes }: OutputFile, message: Pbf): void {
  writeText(DIGEST.hash, hash, message);
  message.writeVarintField(DIGEST.sizeBytes, sizeBytes);
}

/** pbf's own encoder writes wrong bytes for characters beyond U+1FFFF. */
const writeText = (field: number, text: string, message: Pbf): void =>
  message.writeBytesField(field, Buffer.from(text));

interface DraftFile {
  path: string;
  hash: string;
  sizeBytes: number;
}

/**
 * What the bytes say, whoever wrote them. Fields that are not used here are passed over.
 * @param mostFiles more make it no message of ours
 * @returns undefined where they are no ActionResult, or one of a failed action. Time and memory follow the number of bytes, whatever lengths these claim.
 */
export function decodeActionResult(bytes: Uint8Array, mostFiles: number): OutputFile[] | undefined {
  const files: DraftFile[] = [];
  let exitCode = 0;
  try {
    const message = new Pbf(bytes);
    message.readFields((field, _, reader) => {
      if (field === ACTION_RESULT.outputFiles) {
        if (files.length === mostFiles) throw new RangeError("too many files");
        files.push(readOutputFile(reader));
      } else if (field === ACTION_RESULT.exitCode) {
        expectType(reader, VARINT);
        exitCode = reader.readVarint(true);
      } else {
        skipField(reader, field);
      }
    }, undefined);
    expectInside(message, bytes.length);
  } catch {
    return undefined;
  }
  return exitCode === 0 ? files : undefined;
}

function readOutputFile(reader: Pbf): DraftFile {
  const file: DraftFile = { path: "", hash: "", sizeBytes: 0 };
  readWithin(reader, (field) => {
    if (field === OUTPUT_FILE.path) file.path = readText(reader);
    else if (field === OUTPUT_FILE.digest) readDigest(reader, file);
    else skipField(reader, field);
  });
  return file;
}

function readDigest(reader: Pbf, file: DraftFile): void {
  readWithin(reader, (field) => {
    if (field === DIGEST.hash) {
      file.hash = readText(reader);
    } else if (field === DIGEST.sizeBytes) {
      expectType(reader, VARINT);
      file.sizeBytes = reader.readVarint(true);
    } else {
      skipField(reader, field);
    }
  });
}

/** An embedded message. pbf believes its length, and would go on beyond the end of what is there for as long as that says. */
function readWithin(reader: Pbf, readField: (field: number) => void): void {
  const end = startOfBytes(reader);
  reader.readFields((field) => readField(field), undefined, end);
  if (reader.pos !== end) throw new RangeError("a field leaves its message");
}

function readText(reader: Pbf): string {
  const end = startOfBytes(reader);
  const text = Buffer.from(reader.buf.buffer, reader.buf.byteOffset + reader.pos, end - reader.pos).toString("utf8");
  reader.pos = end;
  return text;
}

/** Reads a length. @returns where its bytes end */
function startOfBytes(reader: Pbf): number {
  expectType(reader, BYTES);
  const end = reader.readVarint() + reader.pos;
  expectInside(reader, end);
  return end;
}

function skipField(reader: Pbf, field: number): void {
  reader.skip((field << 3) | reader.type);
  expectInside(reader, reader.pos);
}

function expectType(reader: Pbf, type: number): void {
  if (reader.type !== type) throw new TypeError("another wire type");
}

function expectInside(reader: Pbf, end: number): void {
  if (!(reader.pos <= reader.length && end >= reader.pos && end <= reader.length)) throw new RangeError("cut short");
}
