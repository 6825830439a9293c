import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../src/image/crc32c.js";
import { directoryBytes, directoryOrder, encodeDirectory } from "../../src/image/encode-directory.js";
import { encodeInode } from "../../src/image/encode-inode.js";
import { encodeXattrs, splitXattrName, xattrAreaBytes, xattrIcount } from "../../src/image/encode-xattrs.js";
import { leafHash, MerkleTree } from "../../src/image/merkle.js";
import { encodeSections } from "../../src/image/sections.js";
import type { TreeNode } from "../../src/model.js";

const names = (...list: string[]) => list.map((name) => ({ name: Buffer.from(name, "latin1") }));

test("crc32c gives the known check value, before its final inversion", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe((0xe306_9283 ^ 0xffff_ffff) >>> 0);
});

describe("directories", () => {
  test(". and .. stand in their byte-order places", () => {
    const order = directoryOrder(
      names("!x", "-", ".-", "..", "...", ".a", "a").filter(({ name }) => `${name}` !== ".."),
    );
    expect(order.map(({ name }) => `${name}`)).toEqual(["!x", "-", ".", ".-", "..", "...", ".a", "a"]);
  });

  test("an empty directory holds two entries", () => {
    expect(directoryBytes([])).toBe(12 + 1 + 12 + 2);
  });

  test("blocks end before an entry that does not fit, and only the last is short", () => {
    const children = names(
      ...Array.from({ length: 40 }, (_, index) => `${String(index).padStart(3, "0")}${"n".repeat(250)}`),
    );
    const size = directoryBytes(children);
    const dirents = directoryOrder(children).map(({ name }, index) => ({ name, nid: index, fileType: 1 }));
    const bytes = encodeDirectory(dirents, size);
    const found: string[] = [];
    for (let block = 0; block < size; block += 4096) {
      const end = Math.min(block + 4096, size);
      const count = bytes.readUInt16LE(block + 8) / 12;
      for (let index = 0; index < count; index++) {
        const from = block + bytes.readUInt16LE(block + index * 12 + 8);
        const to = index + 1 < count ? block + bytes.readUInt16LE(block + (index + 1) * 12 + 8) : end;
        found.push(bytes.toString("latin1", from, to).replace(/\0+$/, ""));
        expect(bytes.readUInt32LE(block + index * 12)).toBe(found.length - 1);
      }
    }
    expect(found).toEqual(dirents.map(({ name }) => name.toString("latin1")));
  });
});

test("an inode's time before 1970 has positive nanoseconds", () => {
  const node: TreeNode = { type: "file", mode: 0o640, uid: 70_000, gid: 1, mtimeNs: -1n, sizeBytes: 0 };
  const out = Buffer.alloc(64);
  encodeInode(node, { dataLayout: 0, xattrIcount: 0, sizeBytes: 2 ** 40 + 5, union: 7, ino: 1, nlink: 3 }, out, 0);
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
});
