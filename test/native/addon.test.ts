/** The native addon, each operation beside Node's own calls over real files. */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants as osConstants, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { STAT, STAT_WORDS } from "../../src/model.js";
import { addon, addonAvailable, errnoName } from "../../src/native/addon.js";
import { isRoot } from "../support/images.js";

const { EACCES, EAGAIN, EBADF, EFBIG, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, EXDEV } =
  osConstants.errno;
const BLOCK = 4096;
const addonFile = join(import.meta.dirname, "../../dist/native/binaryfs.node");

let directory: string;
let descriptors: number[];
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "bfs-addon-")));
  descriptors = [];
});
afterEach(() => {
  for (const fd of descriptors) closeSync(fd);
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);
const open = (path: string | Buffer, flags: string | number = "r"): number => {
  const fd = openSync(path, flags);
  descriptors.push(fd);
  return fd;
};
const bytesOf = (path: string): Buffer => Buffer.from(path, "latin1");
const ended = (paths: readonly string[]): Buffer => Buffer.concat(paths.map((path) => bytesOf(`${path}\0`)));

/** A stat record as Node's lstat gives it. */
function expectedRecord(path: string): number[] {
  const st = lstatSync(bytesOf(path), { bigint: true });
  const words = (value: bigint) => [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))];
  const seconds = (ns: bigint) =>
    words((ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n);
  const rest = (ns: bigint) => Number(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  return [
    Number(st.dev),
    Number(st.rdev),
    ...words(st.ino),
    ...words(st.size),
    ...seconds(st.mtimeNs),
    rest(st.mtimeNs),
    rest(st.ctimeNs),
    ...seconds(st.ctimeNs),
    Number(st.mode),
    Number(st.nlink),
    Number(st.uid),
    Number(st.gid),
  ];
}

interface Listed {
  readonly errno: number;
  readonly entries: readonly { readonly name: string; readonly record: number[] }[];
}

function parseBlocks(result: Uint8Array, count: number): Listed[] {
  expect(result.byteOffset % 4).toBe(0);
  const bytes = Buffer.from(result.buffer, result.byteOffset, result.length);
  const padded = (size: number) => Math.ceil(size / 4) * 4;
  const blocks: Listed[] = [];
  let position = 0;
  for (let k = 0; k < count; k++) {
    const errno = bytes.readUInt32LE(position);
    const entryCount = bytes.readUInt32LE(position + 4);
    const nameBytes = bytes.readUInt32LE(position + 8);
    const records = position + 12;
    const lengths = records + entryCount * STAT_WORDS * 4;
    let name = lengths + padded(entryCount * 2);
    position = name + padded(nameBytes);
    const entries = [];
    for (let n = 0; n < entryCount; n++) {
      const length = bytes.readUInt16LE(lengths + 2 * n);
      const record = Array.from({ length: STAT_WORDS }, (_, word) =>
        bytes.readUInt32LE(records + (n * STAT_WORDS + word) * 4),
      );
      entries.push({ name: bytes.toString("latin1", name, name + length), record });
      name += length;
    }
    expect(position - padded(nameBytes) + nameBytes).toBe(name);
    blocks.push({ errno, entries });
  }
  expect(position).toBe(bytes.length);
  return blocks;
}

function expectedEntries(path: string): Listed["entries"] {
  const names = readdirSync(bytesOf(path), { encoding: "buffer" }).sort(Buffer.compare);
  return names.map((bytes) => {
    const name = bytes.toString("latin1");
    return { name, record: expectedRecord(`${path}/${name}`) };
  });
}

const scan = (paths: readonly string[], threads = 1): Listed[] =>
  parseBlocks(addon.scanDirectories(ended(paths), paths.length, threads), paths.length);

test("is built, and names errors as Node does", () => {
  expect(addonAvailable()).toBe(true);
  expect(errnoName(ENOENT)).toBe("ENOENT");
});

// Node 20 itself asks for glibc 2.28; a later version's symbol would keep the packaged addon from loading there.
test("asks for no newer C library than Node does", () => {
  const symbols = execFileSync("objdump", ["-T", addonFile], { encoding: "utf8" });
  const minors = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  expect(Math.max(...minors)).toBeLessThanOrEqual(28);
});

describe("scanDirectories", () => {
  const oddNames = [
    "\xff\xfe\x80",
    "new\nline",
    "n".repeat(255),
    "...",
    ".a",
    "..b",
    " ",
    "*",
    "\x01",
    "samefirst8",
    "samefirst8b",
    "samefirs",
    "samefirst\xe4",
    "samefirst7",
  ];

  test("names of all kinds, in byte order, with the records that lstat gives", () => {
    for (const name of oddNames) writeFileSync(bytesOf(at(name)), name);
    mkdirSync(at("sub"));
    symlinkSync("nowhere", at("dangling"));
    symlinkSync("sub", at("link"));
    linkSync(at(".a"), at("hard"));
    execFileSync("mkfifo", [at("fifo")]);
    writeFileSync(at("old"), "");
    utimesSync(at("old"), -1.25, -1.25);
    writeFileSync(at("sparse"), "");
    const fd = open(at("sparse"), "r+");
    ftruncateSync(fd, 5 * 2 ** 32 + 7);
    const blocks = scan([directory, at("sub")]);
    expect(blocks).toEqual([
      { errno: 0, entries: expectedEntries(directory) },
      { errno: 0, entries: [] },
    ]);
  });

  test("device numbers have the form that Node gives", () => {
    expect(scan(["/dev"])[0]?.entries.find(({ name }) => name === "null")?.record).toEqual(expectedRecord("/dev/null"));
  });

  test("many directories and a wide one, with any number of threads: one result", () => {
    const paths: string[] = [];
    for (let k = 0; k < 150; k++) {
      const path = at(`d${k}`);
      mkdirSync(path);
      paths.push(path);
      for (let n = 0; n < k % 23; n++) writeFileSync(join(path, `${(n * 7919) % 1000}-${"x".repeat(n)}`), "");
    }
    for (let n = 0; n < 3000; n++) writeFileSync(join(paths[3] as string, `wide ${(n * 7919) % 3001}`), "");
    const one = scan(paths, 1);
    expect(one).toEqual(paths.map((path) => ({ errno: 0, entries: expectedEntries(path) })));
    const bytes = addon.scanDirectories(ended(paths), paths.length, 1);
    for (const threads of [2, 5, 1000]) {
      expect(Buffer.compare(addon.scanDirectories(ended(paths), paths.length, threads), bytes)).toBe(0);
    }
  });

  test("a directory that is gone, a file or a symlink now: its errno; the others are listed", () => {
    writeFileSync(at("file"), "");
    mkdirSync(at("real"));
    symlinkSync("real", at("link"));
    const blocks = scan([at("gone"), at("file"), at("link"), at("real"), at(`${"n".repeat(256)}`)]);
    expect(blocks.map(({ errno }) => errno)).toEqual([
      ENOENT,
      ENOTDIR,
      expect.toSatisfy((errno) => errno === ELOOP || errno === ENOTDIR),
      0,
      ENAMETOOLONG,
    ]);
  });

  test.skipIf(isRoot)("a directory that may not be read, or not be searched", () => {
    for (const [name, mode] of [
      ["unreadable", 0o300],
      ["unsearchable", 0o600],
    ] as const) {
      mkdirSync(at(name));
      writeFileSync(at(`${name}/f`), "");
      chmodSync(at(name), mode);
    }
    const blocks = scan([at("unreadable"), at("unsearchable")]);
    for (const name of ["unreadable", "unsearchable"]) chmodSync(at(name), 0o700);
    const [unreadable, unsearchable] = blocks as [Listed, Listed];
    expect(unreadable.errno).toBe(EACCES);
    const record = unsearchable.entries[0]?.record ?? [];
    expect([unsearchable.errno, record[STAT.dev], record[STAT.mode]]).toEqual([0, EACCES, 0]);
  });

  test("names that come and go meanwhile are whole or absent", async () => {
    const churn = new Worker(
      `const fs = require("node:fs"); const { workerData, parentPort } = require("node:worker_threads");
       for (let k = 0; k < 6000; k++) {
         const path = workerData + "/n" + (k % 40);
         fs.writeFileSync(path, ""); fs.rmSync(workerData + "/n" + ((k + 20) % 40), { force: true });
       }
       parentPort.postMessage("done");`,
      { eval: true, workerData: directory },
    );
    let running = true;
    const finished = once(churn, "message").then(() => {
      running = false;
    });
    while (running) {
      const [block] = scan([directory]) as [Listed];
      expect(block.errno).toBe(0);
      for (const { name, record } of block.entries) {
        expect(name).toMatch(/^n\d+$/);
        expect(record[STAT.mode]).not.toBe(0);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await finished;
  });

  test("senseless arguments are refused", () => {
    expect(addon.scanDirectories(Buffer.alloc(0), 0, 1)).toHaveLength(0);
    expect(() => addon.scanDirectories(Buffer.from("/tmp"), 1, 1)).toThrow(TypeError);
    expect(() => addon.scanDirectories(Buffer.from("/tmp\0"), 2, 1)).toThrow(TypeError);
    expect(() => addon.scanDirectories(Buffer.from("/tmp\0"), 1, 0)).toThrow(TypeError);
    expect(() => addon.scanDirectories(Buffer.from("/tmp\0"), Number.NaN, 1)).toThrow(TypeError);
    expect(() => addon.scanDirectories("/tmp" as unknown as Buffer, 1, 1)).toThrow(TypeError);
  });
});

test("statRecord equals lstat, and throws an errno name", () => {
  symlinkSync("nowhere", at("link"));
  for (const path of [directory, at("link"), "/dev/null"]) {
    expect([...addon.statRecord(bytesOf(path))]).toEqual(expectedRecord(path));
  }
  for (const [path, code] of [
    [at("gone"), "ENOENT"],
    [`/${"n".repeat(5000)}`, "ENAMETOOLONG"],
    ["/tmp\0/x", "EINVAL"],
  ] as const) {
    expect(() => addon.statRecord(bytesOf(path))).toThrow(expect.objectContaining({ code }));
  }
});

describe("readFiles", () => {
  interface File {
    readonly path: string;
    readonly stat?: number[];
    readonly parts?: readonly number[];
  }
  function read(files: readonly File[], out: Uint8Array) {
    const ends = new Uint32Array(files.length);
    let end = 0;
    files.forEach(({ path }, k) => {
      end += path.length;
      ends[k] = end;
    });
    const stats = new Uint32Array(files.length * STAT_WORDS);
    files.forEach(({ path, stat }, k) => {
      stats.set(stat ?? expectedRecord(path), k * STAT_WORDS);
    });
    const parts = new Float64Array(files.length * 6);
    files.forEach((file, k) => {
      parts.set(file.parts ?? [], k * 6);
    });
    return addon.readFiles(bytesOf(files.map(({ path }) => path).join("")), ends, stats, parts, out);
  }

  test("parts go to their places, the rest of the output stays", () => {
    writeFileSync(at("a"), "0123456789");
    writeFileSync(bytesOf(at("\xff\n")), "abcdef");
    writeFileSync(at("empty"), "");
    const out = new Uint8Array(new SharedArrayBuffer(40)).subarray(8).fill(0x2e);
    const files = [
      { path: at("a"), parts: [0, 3, 1, 7, 3, 20] },
      { path: at("\xff\n"), parts: [0, 0, 0, 1, 5, 10] },
      { path: at("empty") },
    ];
    expect(read(files, out)).toBeUndefined();
    expect(Buffer.from(out).toString()).toBe(".012......bcdef.....789.........");
    expect(read([], out)).toBeUndefined();
  });

  test("whatever differs from what selection saw is a change", () => {
    const out = Buffer.alloc(16);
    writeFileSync(at("f"), "0123456789");
    const seen = expectedRecord(at("f"));
    for (const word of [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const stat = seen.with(word, (seen[word] as number) ^ 1);
      expect(read([{ path: at("f") }, { path: at("f"), stat }], out), `word ${word}`).toEqual({ index: 1, errno: 0 });
    }
    // A change of these moves ctime.
    for (const word of [STAT.rdev, STAT.nlink, STAT.uid, STAT.gid]) {
      expect(read([{ path: at("f"), stat: seen.with(word, 77) }], out)).toBeUndefined();
    }
    // Ends before its part does.
    expect(read([{ path: at("f"), parts: [5, 6, 0] }], out)).toEqual({ index: 0, errno: 0 });
    writeFileSync(at("f"), "0123456780");
    expect(read([{ path: at("f"), stat: seen, parts: [0, 10, 0] }], out)).toEqual({ index: 0, errno: 0 });
  });

  test("a directory or a fifo in a file's place is a change; a symlink or nothing has an errno", () => {
    const out = Buffer.alloc(16);
    writeFileSync(at("f"), "0123456789");
    const file = { path: at("f"), stat: expectedRecord(at("f")), parts: [0, 10, 0] };
    renameSync(at("f"), at("g"));
    expect(read([file], out)).toEqual({ index: 0, errno: ENOENT });
    mkdirSync(at("f"));
    expect(read([file], out)).toEqual({ index: 0, errno: 0 });
    rmSync(at("f"), { recursive: true });
    execFileSync("mkfifo", [at("f")]);
    expect(read([file], out)).toEqual({ index: 0, errno: 0 });
    rmSync(at("f"));
    symlinkSync("g", at("f"));
    expect(read([file], out)).toEqual({ index: 0, errno: ELOOP });
    expect(read([{ path: `${at("g")}/x`, stat: file.stat }], out)).toEqual({ index: 0, errno: ENOTDIR });
    expect(read([{ path: `/${"n".repeat(4096)}`, stat: file.stat }], out)).toEqual({ index: 0, errno: ENAMETOOLONG });
  });

  test("parts outside of the output are refused", () => {
    writeFileSync(at("f"), "0123456789");
    for (const parts of [
      [0, 10, 7],
      [0, 17, 0],
      [0, 1, 2 ** 53],
      [0, -1, 0],
      [0.5, 1, 0],
      [0, Number.NaN, 0],
    ]) {
      expect(() => read([{ path: at("f"), parts }], Buffer.alloc(16)), String(parts)).toThrow(TypeError);
    }
    const stats = new Uint32Array(STAT_WORDS);
    const wrong = (ends: number[], ofStats = stats) =>
      addon.readFiles(Buffer.alloc(4), Uint32Array.from(ends), ofStats, new Float64Array(6), Buffer.alloc(1));
    expect(() => wrong([5])).toThrow(TypeError);
    expect(() => wrong([1, 2])).toThrow(TypeError);
    expect(() => wrong([1], new Uint32Array(3))).toThrow(TypeError);
  });
});

/** Blocks from a pattern: `.` zeros, anything else that byte. */
const blocks = (pattern: string): Buffer =>
  Buffer.concat([...pattern].map((byte) => Buffer.alloc(BLOCK, byte === "." ? 0 : byte)));
/** The pattern of a file's bytes. */
const pattern = (bytes: Buffer): string => {
  let text = "";
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const block = bytes.subarray(start, start + BLOCK);
    expect(block.every((byte) => byte === block[0])).toBe(true);
    text += block[0] === 0 ? "." : String.fromCharCode(block[0] as number);
  }
  return text;
};
describe("masks of blocks", () => {
  const NONE = new Float64Array(0);

  test("blocks that stretches and parts touch", () => {
    const mask = new Uint8Array(2);
    const stretches = Float64Array.of(4095, 2, 5 * BLOCK, 0);
    const parts = Float64Array.of(7, 0, 9 * BLOCK, 2 ** 40, BLOCK + 1, 8 * BLOCK);
    addon.markBlocks(mask, 10 * BLOCK, stretches, parts);
    expect([...mask]).toEqual([0b11, 0b11]);
    addon.markBlocks(mask, 10 * BLOCK, Float64Array.of(3 * BLOCK, BLOCK), NONE);
    expect([...mask]).toEqual([0b1011, 0b11]);
    for (const wrong of [
      [-1, 1],
      [0.5, 1],
      [0, 10 * BLOCK + 1],
      [2 ** 53, 2 ** 53],
      [0, Number.NaN],
    ]) {
      expect(() => addon.markBlocks(mask, 10 * BLOCK, Float64Array.from(wrong), NONE)).toThrow(TypeError);
      expect(() => addon.markBlocks(mask, 10 * BLOCK, NONE, Float64Array.of(0, ...wrong.toReversed()))).toThrow(
        TypeError,
      );
    }
    expect(() => addon.markBlocks(mask, 17 * BLOCK, NONE, NONE)).toThrow(TypeError);
  });

  test("zeros go to blocks of the mask alone, then bytes to their places", () => {
    const out = Buffer.alloc(3 * BLOCK + 5, "#");
    const expected = Buffer.from(out);
    const zeros = Float64Array.of(10, 2 * BLOCK, 3 * BLOCK + 1, 3);
    addon.placeBytes(out, Uint8Array.of(0b1101), zeros, Buffer.from("abcd"), Float64Array.of(20, 3, BLOCK, 1));
    expected
      .fill(0, 10, BLOCK)
      .fill(0, 2 * BLOCK, 2 * BLOCK + 10)
      .fill(0, 3 * BLOCK + 1, 3 * BLOCK + 4);
    expected.write("abc", 20);
    expected.write("d", BLOCK);
    expect(out.equals(expected)).toBe(true);
    const place = (zero: number[], bytes: string, stretch: number[]) => () =>
      addon.placeBytes(out, Uint8Array.of(15), Float64Array.from(zero), Buffer.from(bytes), Float64Array.from(stretch));
    expect(place([3 * BLOCK, 6], "", [])).toThrow(TypeError);
    expect(place([], "a", [3 * BLOCK + 5, 1])).toThrow(TypeError);
    expect(place([], "a", [0, 1, 1, 1])).toThrow(TypeError);
    expect(out.equals(expected)).toBe(true);
  });

  test("bits of zero blocks and of same blocks are cleared, the last block may be short", () => {
    const bytes = Buffer.concat([blocks("a..d"), Buffer.alloc(3)]);
    for (const at of [BLOCK, 3 * BLOCK - 1]) {
      bytes[at] = 1;
      const mask = Uint8Array.of(0b1_1111);
      addon.clearZeroBlocks(mask, bytes);
      expect([...mask]).toEqual([at === BLOCK ? 0b1011 : 0b1101]);
      bytes[at] = 0;
    }
    const mask = Uint8Array.of(0b1_0111);
    const other = Buffer.from(bytes);
    other[0] = 0;
    other[3 * BLOCK] = 0;
    other[4 * BLOCK + 2] = 9;
    addon.clearSameBlocks(mask, bytes, other);
    expect([...mask]).toEqual([0b1_0001]);
    expect(() => addon.clearSameBlocks(mask, bytes, bytes.subarray(1))).toThrow(TypeError);
    expect(() => addon.clearZeroBlocks(new Uint8Array(0), bytes)).toThrow(TypeError);
  });
});

/** A file that was full of `#`: what is still there was not written. */
function filled(name: string, count: number): number {
  writeFileSync(at(name), Buffer.alloc(count * BLOCK, "#"));
  return open(at(name), "r+");
}

describe("writeBlocks and writeMasked", () => {
  test.each([
    [0, "a..b....", "a..b...."],
    [1, "a..b....", "a##b####"],
    [3, "a..b....", "a..b####"],
    [4, "....a...b....", "####a...b####"],
    [4, "....", "####"],
    [5, "....", "...."],
    [2, "..", "##"],
    [1, "abc", "abc"],
    [1, "", ""],
  ])("holes of %i blocks and more: %s leaves %s", (minimum, written, left) => {
    const fd = filled("f", written.length + 2);
    expect(addon.writeBlocks(fd, BLOCK, blocks(written), minimum)).toBe(0);
    expect(pattern(readFileSync(at("f")))).toBe(`#${left}#`);
  });

  test("a single byte makes a block data; the last block may be short", () => {
    for (const position of [0, 1, 7, 2047, 2048, 4094, 4095, 4096, 8191, 8192, 8199]) {
      const fd = open(at(`f${position}`), "w+");
      const bytes = Buffer.alloc(2 * BLOCK + 8);
      bytes[position] = 1;
      expect(addon.writeBlocks(fd, 0, bytes, 1)).toBe(0);
      ftruncateSync(fd, bytes.length);
      expect(readFileSync(at(`f${position}`)).equals(bytes)).toBe(true);
    }
    const fd = filled("short", 3);
    expect(addon.writeBlocks(fd, 0, Buffer.alloc(2 * BLOCK + 8), 3)).toBe(0);
    expect(pattern(readFileSync(at("short")))).toBe("###");
    expect(addon.writeBlocks(fd, 0, Buffer.alloc(BLOCK + 8), 3)).toBe(0);
    expect(readFileSync(at("short")).indexOf("#")).toBe(BLOCK + 8);
  });

  test("holes are holes, beyond 4 GiB too", () => {
    const fd = open(at("f"), "w+");
    const position = 2 ** 33;
    expect(addon.writeBlocks(fd, position, blocks(`a${".".repeat(1000)}b`), 4)).toBe(0);
    const { size, blocks: sectors } = fstatSync(fd);
    expect(size).toBe(position + 1002 * BLOCK);
    expect(sectors * 512).toBeLessThan(32 * BLOCK);
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, position);
    expect(byte.toString()).toBe("a");
  });

  test("exactly the blocks of the mask", () => {
    const fd = filled("f", 12);
    const mask = Uint8Array.of(0b1000_0101, 0b10);
    expect(addon.writeMasked(fd, BLOCK, blocks("ab.defghij"), mask, 0)).toBe(0);
    expect(pattern(readFileSync(at("f")))).toBe("#a#.####h#j#");
    expect(addon.writeMasked(fd, 0, Buffer.alloc(BLOCK + 5, "z"), Uint8Array.of(0b10), 0)).toBe(0);
    expect(
      readFileSync(at("f"))
        .subarray(BLOCK, BLOCK + 6)
        .toString(),
    ).toBe("zzzzza");
    expect(() => addon.writeMasked(fd, 0, blocks("abcdefghi"), mask.subarray(0, 1), 0)).toThrow(TypeError);
  });

  test.each([
    [0, "#b###f##"],
    [1, "#b###f##"],
    [2, ".b###f##"],
    [3, ".b###f.."],
    [4, ".b...f.."],
  ])("holes of %i blocks and more are left out, others are zeros whatever the buffer holds", (minimum, left) => {
    const fd = filled("f", 10);
    expect(addon.writeMasked(fd, BLOCK, blocks("abcdefgh"), Uint8Array.of(0b10_0010), minimum)).toBe(0);
    expect(pattern(readFileSync(at("f")))).toBe(`#${left}#`);
  });

  test("an errno where it cannot be written", () => {
    writeFileSync(at("f"), "");
    const fd = open(at("f"));
    expect(addon.writeBlocks(fd, 0, blocks("a"), 0)).toBe(EBADF);
    expect(addon.writeMasked(fd, 0, blocks("a"), Uint8Array.of(1), 0)).toBe(EBADF);
    const farAway = addon.writeBlocks(open(at("f"), "r+"), 2 ** 53, blocks("a"), 0);
    // Files of tmpfs and xfs may be as large.
    if (farAway === 0) expect(statSync(at("f")).size).toBe(2 ** 53 + BLOCK);
    else expect(farAway).toBe(EFBIG);
    expect(errnoName(addon.writeBlocks(open("/dev/full", "w"), 0, blocks("a"), 0))).toBe("ENOSPC");
    expect(() => addon.writeBlocks(fd, -1, blocks("a"), 0)).toThrow(TypeError);
  });
});

describe("locks and leases", () => {
  test("one descriptor holds the lock until it is unlocked or closed", () => {
    writeFileSync(at("f"), "");
    const first = open(at("f"));
    const second = openSync(at("f"), "r");
    expect([addon.tryLock(first), addon.tryLock(first), addon.tryLock(second)]).toEqual([true, true, false]);
    addon.unlock(first);
    expect([addon.tryLock(second), addon.tryLock(first)]).toEqual([true, false]);
    closeSync(second);
    expect(addon.tryLock(first)).toBe(true);
    expect(() => addon.tryLock(-1)).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => addon.unlock(-1)).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  test("a lease is refused while another descriptor is open", () => {
    writeFileSync(at("f"), "bytes");
    const mine = open(at("f"), "r+");
    for (const flags of ["r", "r+"]) {
      const other = openSync(at("f"), flags);
      expect(addon.lease(mine)).toBe(EAGAIN);
      closeSync(other);
    }
    expect(addon.lease(mine)).toBe(0);
    expect(addon.releaseLease(mine)).toBe(0);
    expect(readFileSync(at("f"), "utf8")).toBe("bytes");
  });

  const hasPython = spawnSync("python3", ["-c", ""]).status === 0;
  test.skipIf(!hasPython)(
    "a lease is refused while another process has the file mapped, even with its descriptor closed",
    async () => {
      writeFileSync(at("f"), "bytes");
      const mine = open(at("f"), "r+");
      const program = `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
mapping = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
os.close(fd)
print("mapped", flush=True)
sys.stdin.read()`;
      const reader = spawn("python3", ["-c", program, at("f")], { stdio: ["pipe", "pipe", "inherit"] });
      const exited = once(reader, "exit");
      await once(reader.stdout, "data");
      expect(addon.lease(mine)).toBe(EAGAIN);
      reader.stdin.end();
      await exited;
      expect(addon.lease(mine)).toBe(0);
      expect(addon.releaseLease(mine)).toBe(0);
    },
  );

  test("another open waits for the lease, and its signal ends nobody", async () => {
    writeFileSync(at("f"), "bytes");
    const program = `
      const { openSync } = require("node:fs"); const { spawn } = require("node:child_process");
      const addon = require(${JSON.stringify(addonFile)});
      const fd = openSync(${JSON.stringify(at("f"))}, "r+");
      if (addon.lease(fd) !== 0) process.exit(3);
      const reader = spawn("cat", [${JSON.stringify(at("f"))}], { stdio: ["ignore", "pipe", "inherit"] });
      const { readFileSync } = require("node:fs");
      // The lease counts as being broken once the other's open waits.
      const poll = () => {
        if (!/LEASE\\s+BREAKING/.test(readFileSync("/proc/locks", "utf8"))) return setTimeout(poll, 5);
        addon.releaseLease(fd);
      };
      poll();
      reader.stdout.pipe(process.stdout);`;
    const holder = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    holder.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [code, signal] = await once(holder, "close");
    expect({ code, signal, text }).toEqual({ code: 0, signal: null, text: "bytes" });
  });
});

test("exchange: both names stay, with each other's files", () => {
  writeFileSync(bytesOf(at("\xff")), "one");
  mkdirSync(at("b"));
  expect(addon.exchange(bytesOf(at("\xff")), bytesOf(at("b")))).toBe(0);
  expect(readFileSync(at("b"), "utf8")).toBe("one");
  expect(statSync(bytesOf(at("\xff"))).isDirectory()).toBe(true);
  expect(addon.exchange(bytesOf(at("b")), bytesOf(at("gone")))).toBe(ENOENT);
  expect(addon.exchange(bytesOf(`/${"n".repeat(4096)}`), bytesOf(at("b")))).toBe(ENAMETOOLONG);
  expect(addon.exchange(bytesOf(`${at("b")}\0`), bytesOf(at("b")))).toBe(EINVAL);
});

test("clone: the same bytes, or an errno that says that the file system cannot", () => {
  writeFileSync(at("a"), blocks("ab.c"));
  const errno = addon.clone(open(at("a")), open(at("b"), "w+"));
  if (errno === 0) expect(readFileSync(at("b")).equals(readFileSync(at("a")))).toBe(true);
  else expect([EOPNOTSUPP, EXDEV, EINVAL, EPERM]).toContain(errno);
});

describe("copyRange and punchHole", () => {
  /** Blocks that take up space, as SEEK_DATA and SEEK_HOLE see them. */
  function sparse(name: string, text: string): number {
    const fd = open(at(name), "w+");
    ftruncateSync(fd, text.length * BLOCK);
    expect(addon.writeBlocks(fd, 0, blocks(text), 1)).toBe(0);
    return fd;
  }
  const allocated = (fd: number): number => fstatSync(fd).blocks / 8;

  test.each([
    ["a....b....cc..", "############", 0, 14, "a....b....cc"],
    ["a....b....cc..", "##############", 0, 14, "a....b....cc.."],
    ["a....b....cc..", "##############", 2, 9, "##...b....c###"],
    ["a....b....cc..", "", 0, 14, "a....b....cc"],
    ["....", "####", 0, 4, "...."],
    ["aa", "#####", 0, 5, "aa..."],
    ["aa", "#####", 3, 2, "###.."],
    ["abcd", "####", 1, 0, "####"],
  ])("%s over %s, %i + %i blocks: %s", (from, over, position, count, left) => {
    const source = sparse("a", from);
    const target = sparse("b", over);
    expect(addon.copyRange(source, target, position * BLOCK, count * BLOCK)).toBe(0);
    const found = pattern(readFileSync(at("b")));
    expect(found.padEnd(left.length, ".")).toBe(left.padEnd(found.length, "."));
  });

  test("holes stay holes, and replace data", () => {
    const source = sparse("a", `a${".".repeat(1000)}b`);
    const target = filled("b", 1002);
    const before = allocated(target);
    expect(addon.copyRange(source, target, 0, 1002 * BLOCK)).toBe(0);
    expect(readFileSync(at("b")).equals(readFileSync(at("a")))).toBe(true);
    expect(before).toBeGreaterThanOrEqual(1002);
    expect(allocated(target)).toBeLessThan(32);
  });

  test("stretches that begin and end anywhere", () => {
    copyFileSync(process.execPath, at("a"), constants.COPYFILE_FICLONE);
    const size = 300_001;
    const source = open(at("a"));
    const target = open(at("b"), "w+");
    expect(addon.copyRange(source, target, 12_345, size)).toBe(0);
    const expected = Buffer.alloc(12_345 + size);
    readSync(source, expected, 12_345, size, 12_345);
    expect(readFileSync(at("b")).equals(expected)).toBe(true);
  });

  test("between file systems", () => {
    const elsewhere = join("/dev/shm", `bfs-addon-${process.pid}`);
    const source = sparse("a", `a${".".repeat(100)}bcd`);
    const target = open(elsewhere, "w+");
    try {
      expect(addon.copyRange(source, target, 0, 104 * BLOCK)).toBe(0);
      expect(readFileSync(elsewhere).equals(readFileSync(at("a")))).toBe(true);
      expect(allocated(target)).toBeLessThan(32);
    } finally {
      rmSync(elsewhere);
    }
  });

  test("an errno where it cannot be", () => {
    const source = sparse("a", "abcd");
    expect(addon.copyRange(source, open(at("a")), 0, 4 * BLOCK)).toBe(EBADF);
    expect(addon.copyRange(-1, source, 0, BLOCK)).toBe(EBADF);
    expect(addon.punchHole(open(at("a")), 0, BLOCK)).toBe(EBADF);
  });

  test("a punched stretch is a hole, and the size stays", () => {
    const fd = filled("f", 64);
    expect(addon.punchHole(fd, BLOCK, 62 * BLOCK)).toBe(0);
    expect(addon.punchHole(fd, 63 * BLOCK, 4 * BLOCK)).toBe(0);
    expect(addon.punchHole(fd, 0, 0)).toBe(0);
    expect(pattern(readFileSync(at("f")))).toBe(`#${".".repeat(63)}`);
    expect(allocated(fd)).toBeLessThan(16);
  });
});

test("readXattrs lists names and values of each path, and an errno for one that is gone", () => {
  const paths = ["a", "\xff\n", "gone", "link", "d"].map(at);
  writeFileSync(at("a"), "");
  writeFileSync(bytesOf(at("\xff\n")), "");
  symlinkSync("a", at("link"));
  mkdirSync(at("d"));
  const program = `
import os, sys
for k in range(40): os.setxattr(sys.argv[1], b"user.n%d" % k, bytes([k]) * (k * 40))
os.setxattr(sys.argv[2], b"user.empty", b"")`;
  // Where user attributes or python3 are missing, there are none to list, and the rest holds.
  const { status } = spawnSync("python3", ["-c", program, at("a"), at("d")], { stdio: "ignore" });
  const answer = Buffer.from(addon.readXattrs(ended(paths), paths.length));
  let end = 0;
  const number = (): number => {
    end += 4;
    return answer.readUInt32LE(end - 4);
  };
  const text = (): string => {
    const size = number();
    end += size;
    return answer.toString("latin1", end - size, end);
  };
  const lists = paths.map(() => {
    const errno = number();
    const list = Array.from({ length: number() }, () => [text(), text()] as const);
    // A host with access control gives attributes of its own.
    return { errno, own: new Map(list.filter(([name]) => name.startsWith("user."))) };
  });
  expect(end).toBe(answer.length);
  expect(lists.map(({ errno }) => errno)).toEqual([0, 0, osConstants.errno.ENOENT, 0, 0]);
  if (status === 0) {
    expect([...(lists[0]?.own ?? [])].sort()).toEqual(
      Array.from({ length: 40 }, (_, k) => [`user.n${k}`, String.fromCharCode(k).repeat(k * 40)] as const).sort(),
    );
    expect(lists.slice(1).map(({ own }) => own.get("user.empty"))).toEqual([undefined, undefined, undefined, ""]);
  }
  expect(addon.readXattrs(Buffer.alloc(0), 0)).toHaveLength(0);
  expect(() => addon.readXattrs(ended(paths), paths.length + 1)).toThrow(TypeError);
});

test("several worker threads use it at once, and end", async () => {
  for (let k = 0; k < 60; k++) {
    mkdirSync(at(`d${k}`));
    for (let n = 0; n < 5; n++) writeFileSync(at(`d${k}/f${n}`), "x".repeat(n));
  }
  const paths = Array.from({ length: 60 }, (_, k) => at(`d${k}`));
  const expected = Buffer.from(addon.scanDirectories(ended(paths), paths.length, 1));
  const program = `
    const { workerData, parentPort } = require("node:worker_threads");
    const addon = require(workerData.addonFile);
    const expected = Buffer.from(workerData.expected);
    let equal = 0;
    for (let k = 0; k < 100; k++)
      if (expected.equals(addon.scanDirectories(workerData.paths, 60, 2))) equal++;
    parentPort.postMessage(equal);`;
  const workers = Array.from(
    { length: 4 },
    () => new Worker(program, { eval: true, workerData: { addonFile, expected, paths: ended(paths) } }),
  );
  const ends = workers.map((worker) => once(worker, "exit"));
  const counts = await Promise.all(workers.map((worker) => once(worker, "message")));
  expect(counts.flat()).toEqual([100, 100, 100, 100]);
  expect((await Promise.all(ends)).flat()).toEqual([0, 0, 0, 0]);
  expect(Buffer.from(addon.scanDirectories(ended(paths), paths.length, 2)).equals(expected)).toBe(true);
});
