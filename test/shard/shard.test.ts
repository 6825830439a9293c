/** A shard as a file: what is written is read, the same for the same paths and contents, and nothing of a damaged one is believed. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256Of } from "../../src/fingerprint/sha256.js";
import { readShard } from "../../src/shard/read-shard.js";
import { encodeShard, SHARD_HEADER_BYTES } from "../../src/shard/shard-format.js";
import { type ShardFile, type ShardOptions, writeShard } from "../../src/shard/write-shard.js";

let directory: string;
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-shard-")));
  writeFileSync(join(directory, "a"), "content of a");
  writeFileSync(join(directory, "b"), Buffer.alloc(3_000_000, "b"));
  writeFileSync(join(directory, "empty"), "");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = (path: string, name: string, kind: ShardFile["kind"] = "file"): ShardFile => ({
  path,
  host: Buffer.from(join(directory, name)),
  kind,
});
const output = (name = "x.shard"): Buffer => Buffer.from(join(directory, name));
const write = (files: readonly ShardFile[], more: Partial<ShardOptions> = {}) =>
  writeShard({ output: output(), files, rules: [], links: new Map(), ...more });

const FILES = () => [file("/z/a", "a"), file("/a\xff", "b"), file("/none", "", "empty"), file("/e", "empty")];

describe("round trip", () => {
  test("paths in byte order, sizes, hashes and content", () => {
    expect(write(FILES())).toMatchObject({ ok: true });
    const shard = readShard(output());
    if (!shard.ok) throw new Error(shard.error.code);
    const bytes = readFileSync(output());
    expect(shard.value.entries.map(({ path }) => path)).toEqual(["/a\xff", "/e", "/none", "/z/a"]);
    for (const { path, offset, sizeBytes, sha256, isSelected } of shard.value.entries) {
      expect(isSelected).toBe(true);
      expect(sha256Of(bytes.subarray(offset, offset + sizeBytes)).equals(sha256), path).toBe(true);
    }
    expect(shard.value.entries.map(({ sizeBytes }) => sizeBytes)).toEqual([3_000_000, 0, 0, 12]);
  });

  test("a path that the rules leave out has its name alone", () => {
    const rules = [{ kind: "exclude" as const, pattern: Buffer.from("/z/*") }];
    expect(write([file("/z/a", "a"), file("/e", "empty")], { rules })).toMatchObject({ ok: true });
    const shard = readShard(output());
    expect(shard).toMatchObject({ ok: true });
    if (shard.ok)
      expect(shard.value.entries.map(({ isSelected, sizeBytes }) => [isSelected, sizeBytes])).toEqual([
        [true, 0],
        [false, 0],
      ]);
  });
});

describe("the bytes", () => {
  test("depend neither on the order nor on where files lie", () => {
    expect(write(FILES())).toMatchObject({ ok: true });
    const first = readFileSync(output());
    mkdirSync(join(directory, "elsewhere"));
    for (const name of ["a", "b", "empty"]) cpSync(join(directory, name), join(directory, "elsewhere", name));
    const moved = FILES().map((one) => ({
      ...one,
      host: Buffer.from(one.host.toString().replace(directory, join(directory, "elsewhere"))),
    }));
    expect(write(moved.reverse(), { output: output("y.shard") })).toMatchObject({ ok: true });
    expect(readFileSync(output("y.shard")).equals(first)).toBe(true);
  });

  test("are the same where a content is known, and where it is wrongly thought to be", () => {
    const written = write(FILES());
    if (!written.ok) throw new Error(written.error.code);
    const first = readFileSync(output());
    const knownOf = (host: Buffer) => written.value.packed.get(host.toString("latin1"));
    const known = FILES().map((one) => ({
      ...one,
      ...(knownOf(one.host) && { known: knownOf(one.host) }),
    })) as ShardFile[];
    expect(write(known)).toMatchObject({ ok: true });
    expect(readFileSync(output()).equals(first)).toBe(true);
    const wrong = FILES().map((one) => ({ ...one, known: { sha256: Buffer.alloc(32, 1), identity: "another" } }));
    expect(write(wrong)).toMatchObject({ ok: true });
    expect(readFileSync(output()).equals(first)).toBe(true);
  });
});

describe("failures leave no file", () => {
  test.each<readonly [string, () => ShardFile[], object]>([
    ["input-missing", () => [file("/a", "absent")], {}],
    ["not-a-file", () => [file("/a", ".")], {}],
    ["path-conflict", () => [file("/a", "a"), file("/a", "b")], {}],
    ["not-a-file", () => [file("/a", "a", "link")], {}],
    ["interrupted", () => [file("/a", "a")], { signal: { aborted: true } }],
  ])("%s", (code, files, more) => {
    const none = output("none.shard");
    expect(write(files(), { output: none, ...more })).toMatchObject({ ok: false, error: { code } });
    expect(() => readFileSync(none)).toThrow(/ENOENT/);
  });

  test("the same file twice for one path is one", () => {
    expect(write([file("/a", "a"), file("/a", "a")])).toMatchObject({ ok: true });
  });
});

describe("a damaged shard is refused", () => {
  let good: Buffer;
  let indexOffset: number;
  beforeAll(() => {
    write([file("/z/a", "a"), file("/e", "empty")]);
    good = readFileSync(output());
    indexOffset = Number(good.readBigUInt64LE(16));
  });
  const refused = (bytes: Buffer) => {
    writeFileSync(output("bad.shard"), bytes);
    return readShard(output("bad.shard"));
  };

  test("at whatever length it is cut off", () => {
    for (let length = 0; length < good.length; length++) {
      expect(refused(good.subarray(0, length)), `${length}`).toMatchObject({ ok: false, error: { code: "bad-shard" } });
    }
    expect(refused(Buffer.concat([good, Buffer.alloc(1)]))).toMatchObject({ error: { code: "bad-shard" } });
  });

  test("at whatever byte of header and index it was changed", () => {
    for (let at = 0; at < good.length; at++) {
      if (at >= SHARD_HEADER_BYTES && at < indexOffset) continue;
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] as number) ^ 0x41;
      expect(refused(bytes), `${at}`).toMatchObject({ ok: false, error: { code: "bad-shard" } });
    }
  });

  test.each<readonly [readonly string[]]>([
    [["a"]],
    [["//a"]],
    [["/a/"]],
    [["/a/../b"]],
    [["/./a"]],
    [["/"]],
    [["/a\0b"]],
    [["/b", "/a"]],
    [["/a", "/a"]],
  ])("with paths that no shard of ours has: %j", (paths) => {
    const entry = { isSelected: true, isLink: false, offset: 0, sizeBytes: 0, sha256: Buffer.alloc(32) };
    const entries = paths.map((path) => ({ ...entry, path }));
    const { header, index } = encodeShard(entries, SHARD_HEADER_BYTES);
    expect(refused(Buffer.concat([header, index]))).toMatchObject({ ok: false, error: { code: "bad-shard" } });
  });

  test("a directory or a fifo is none", () => {
    expect(readShard(Buffer.from(directory))).toMatchObject({ ok: false });
    const fifo = join(directory, "fifo");
    expect(spawnSync("mkfifo", [fifo]).status).toBe(0);
    expect(readShard(Buffer.from(fifo))).toMatchObject({ ok: false, error: { code: "bad-shard" } });
  });

  test("one that is not there is missing", () => {
    expect(readShard(output("absent.shard"))).toMatchObject({ ok: false, error: { code: "input-missing" } });
  });
});
