import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../src/image/crc32c.js";
import { type DirentTargets, encodeDirectory } from "../../src/image/encode-directory.js";
import { encodeInode } from "../../src/image/encode-inode.js";
import { encodeXattrs, splitXattrName, xattrAreaBytes, xattrIcount } from "../../src/image/encode-xattrs.js";
import { BITMAP_BYTES, leafHash, leafHashOf, MerkleTree } from "../../src/image/merkle.js";
import { encodeSections } from "../../src/image/sections.js";
import { type InodeAttributes, type NodeTable, ROW, STAT, STAT_WORDS } from "../../src/model.js";

/** A table of one directory with the given names, in byte order; the directory's own place is 0, child k's is k + 1. */
function directoryOf(names: readonly string[]): DirentTargets {
  const sorted = names.map((name) => Buffer.from(name, "latin1")).sort(Buffer.compare);
  const count = sorted.length + 1;
  const stats = new Uint32Array(count * STAT_WORDS);
  for (let row = 0; row < count; row++) stats[row * STAT_WORDS + STAT.mode] = row === 0 ? 0o40755 : 0o100644;
  const nameStart = new Uint32Array(count);
  for (let row = 2; row < count; row++)
    nameStart[row] = (nameStart[row - 1] as number) + (sorted[row - 2] as Buffer).length;
  const table: NodeTable = {
    count,
    depth: new Uint16Array(count).fill(1, 1),
    parent: new Uint32Array(count),
    end: Uint32Array.from({ length: count }, (_, row) => (row === 0 ? count : row + 1)),
    nameStart,
    nameLength: Uint16Array.from([0, ...sorted.map(({ length }) => length)]),
    nameHash: new Uint32Array(count),
    bodyStart: new Uint32Array(count),
    bodyLength: new Uint16Array(count),
    flags: new Uint8Array(count).fill(ROW.selected),
    match: new Int32Array(count),
    stats,
    bytes: Buffer.concat(sorted),
    xattrs: new Map(),
  };
  return {
    table,
    ordinal: Uint32Array.from({ length: count }, (_, row) => row),
    nid: Float64Array.from({ length: count }, (_, row) => row),
  };
}

interface Found {
  readonly name: string;
  readonly nid: number;
  readonly fileType: number;
}

/** Reads dirents as EROFS does: the last name of a block ends with the block or with padding. */
function decode(bytes: Buffer): Found[] {
  const found: Found[] = [];
  for (let block = 0; block < bytes.length; block += 4096) {
    const end = Math.min(block + 4096, bytes.length);
    const count = bytes.readUInt16LE(block + 8) / 12;
    for (let index = 0; index < count; index++) {
      const at = block + index * 12;
      const from = block + bytes.readUInt16LE(at + 8);
      const to = index + 1 < count ? block + bytes.readUInt16LE(at + 20) : end;
      const name = bytes.toString("latin1", from, to).replace(/\0+$/, "");
      found.push({ name, nid: bytes.readUInt32LE(at), fileType: bytes.readUInt8(at + 10) });
    }
  }
  return found;
}

/** Behind some other bytes, as an inline tail. */
function contentOf(targets: DirentTargets): Buffer {
  const out = Buffer.alloc(2 ** 20);
  return out.subarray(64, encodeDirectory(targets, 0, 0, out, 64));
}

function encoded(names: readonly string[]): Buffer {
  return contentOf(directoryOf(names));
}

test("crc32c gives the known check value, before its final inversion", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe((0xe306_9283 ^ 0xffff_ffff) >>> 0);
});

describe("directories", () => {
  test(". and .. stand in their byte-order places", () => {
    const names = decode(encoded(["!x", "-", ".-", "...", ".a", "a"])).map(({ name }) => name);
    expect(names).toEqual(["!x", "-", ".", ".-", "..", "...", ".a", "a"]);
    expect(decode(encoded(["-", "!"])).map(({ name }) => name)).toEqual(["!", "-", ".", ".."]);
    expect(decode(encoded([".!"])).map(({ name }) => name)).toEqual([".", ".!", ".."]);
  });

  test("an empty directory holds two entries", () => {
    expect(encoded([]).length).toBe(12 + 1 + 12 + 2);
  });

  test("names that are not selected are left out", () => {
    const targets = directoryOf(["a", "b", "c"]);
    targets.table.flags[2] = 0;
    expect(decode(contentOf(targets)).map(({ name }) => name)).toEqual([".", "..", "a", "c"]);
  });

  test("blocks end before an entry that does not fit, and only the last is short", () => {
    const names = Array.from({ length: 700 }, (_, k) => `${String(k).padStart(3, "0")}${"n".repeat((k * 37) % 252)}`);
    const found = decode(encoded(names));
    expect(found.slice(0, 2)).toEqual([
      { name: ".", nid: 0, fileType: 2 },
      { name: "..", nid: 0, fileType: 2 },
    ]);
    expect(found.slice(2)).toEqual(names.map((name, index) => ({ name, nid: index + 1, fileType: 1 })));
  });
});

test("an inode's time before 1970 has positive nanoseconds", () => {
  const attributes: InodeAttributes = {
    type: "file",
    mode: 0o640,
    uid: 70_000,
    gid: 1,
    mtimeSeconds: -1,
    mtimeNsec: 999_999_999,
    rdev: 0,
  };
  const out = Buffer.alloc(64);
  encodeInode(
    attributes,
    { dataLayout: 0, xattrIcount: 0, sizeBytes: 2 ** 40 + 5, union: 7, ino: 1, nlink: 3 },
    out,
    0,
  );
  expect(out.readBigInt64LE(32)).toBe(-1n);
  expect(out.readUInt32LE(40)).toBe(999_999_999);
  expect(out.readBigUInt64LE(8)).toBe(2n ** 40n + 5n);
  expect(out.readUInt16LE(4)).toBe(0o100640);
});

describe("xattrs", () => {
  test("prefixes have their numbers; other names cannot be expressed", () => {
    const index = (name: string) => splitXattrName(Buffer.from(name))?.index;
    expect(["user.a", "trusted.a", "security.selinux"].map(index)).toEqual([1, 4, 6]);
    expect(["system.posix_acl_access", "system.posix_acl_default"].map(index)).toEqual([2, 3]);
    expect(["system.nfs4_acl", "user.", "other.a"].map(index)).toEqual([undefined, undefined, undefined]);
  });

  test("entries are padded to four bytes and counted in units", () => {
    const xattrs = [{ name: Buffer.from("user.abc"), value: Buffer.from("12") }];
    const bytes = xattrAreaBytes(xattrs);
    expect(bytes).toBe(12 + 12);
    expect(xattrIcount(bytes)).toBe(4);
    const out = Buffer.alloc(bytes);
    expect(encodeXattrs(xattrs, out, 0)).toBe(bytes);
    expect(out.toString("latin1", 12)).toBe("\x03\x01\x02\x00abc12\0\0\0");
  });
});

test("a leaf whose blocks are known is the same, whatever the empty ones hold", () => {
  const segment = Buffer.alloc(10 * 4096);
  segment[4096] = 1;
  segment[10 * 4096 - 1] = 1;
  const filled = new Uint8Array(BITMAP_BYTES);
  filled.set([0b10, 0b10]);
  const leaf = leafHash(segment);
  expect(leafHashOf(segment, filled).equals(leaf)).toBe(true);
  segment.fill("x", 0, 4096);
  expect(leafHashOf(segment, filled).equals(leaf)).toBe(true);
  expect(leafHash(segment).equals(leaf)).toBe(false);
});

test("sections carry host paths and volumes at multiples of eight", () => {
  const hostPaths = [Buffer.from("/dev/x")];
  const { count, bytes } = encodeSections({ hostPaths, volumes: [{ guest: Buffer.from("/v") }], sealed: true }, 8192);
  expect(count).toBe(3);
  expect([0, 32, 64].map((at) => bytes.readUInt32LE(at))).toEqual([1, 2, 3]);
  for (const at of [0, 32, 64]) expect(Number(bytes.readBigUInt64LE(at + 8)) % 8).toBe(0);
  expect(bytes.readUInt32LE(96)).toBe(1);
  expect(encodeSections({ hostPaths: [], volumes: [], sealed: false }, 0).bytes.length).toBe(0);
});

describe("MerkleTree", () => {
  const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
  const byte = (value: number) => Buffer.from([value]);
  function reference(leaves: readonly Buffer[], size: number): Buffer {
    let level = [...leaves];
    while (level.length > 1) {
      const above: Buffer[] = [];
      for (let index = 0; index < level.length; index += 2) {
        const [left, right] = [level[index] as Buffer, level[index + 1]];
        above.push(right === undefined ? left : sha(byte(1), left, right));
      }
      level = above;
    }
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(size));
    return sha(byte(2), bytes, level[0] as Buffer);
  }

  test("equals the definition, also after changes of single leaves", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 })), { maxLength: 5 }),
        (contents, changes) => {
          const leaves = contents.map(leafHash);
          const tree = new MerkleTree(leaves.length);
          for (const [index, leaf] of leaves.entries()) tree.setLeaf(index, leaf);
          expect(tree.root(4096)).toEqual(reference(leaves, 4096));
          for (const [at, content] of changes) {
            const index = at % leaves.length;
            leaves[index] = leafHash(content);
            tree.setLeaf(index, leaves[index]);
            expect(tree.root(4096)).toEqual(reference(leaves, 4096));
          }
        },
      ),
    );
  });

  const leafOf = (value: number) => leafHash(Buffer.from([value & 0xff, value >> 8]));
  function treeOf(values: readonly number[]): MerkleTree {
    const tree = new MerkleTree(values.length);
    for (const [index, value] of values.entries()) tree.setLeaf(index, leafOf(value));
    return tree;
  }
  const count = fc.integer({ min: 1, max: 70 });

  test("is the same after it became longer or shorter, and what it came from stays", () => {
    fc.assert(
      fc.property(count, count, fc.array(fc.nat(1000), { maxLength: 4 }), (from, to, changes) => {
        const values = Array.from({ length: from }, (_, index) => index);
        const old = treeOf(values);
        const before = old.toBytes();
        const tree = old.resized(to);
        const next = Array.from({ length: to }, (_, index) => index);
        for (let index = from; index < to; index++) tree.setLeaf(index, leafOf(index));
        for (const at of changes) {
          next[at % to] = at + 1000;
          tree.setLeaf(at % to, leafOf(at + 1000));
        }
        expect(tree.root(5)).toEqual(treeOf(next).root(5));
        expect(old.toBytes()).toEqual(before);
      }),
    );
  });

  test("comes back from its bytes, and from no others", () => {
    const tree = treeOf([1, 2, 3, 4, 5]);
    const bytes = tree.toBytes();
    const back = MerkleTree.fromBytes(bytes, 5);
    expect(back?.root(9)).toEqual(tree.root(9));
    expect([MerkleTree.fromBytes(bytes.subarray(1), 5), MerkleTree.fromBytes(bytes, 4)]).toEqual([
      undefined,
      undefined,
    ]);
    expect([0, -1, 1.5, Number.NaN].map((leaves) => MerkleTree.fromBytes(bytes, leaves))).toEqual(
      Array(4).fill(undefined),
    );
  });
});
