/** What is said of a file's content holds for the file that selection saw, or `input-changed` is said. */

import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sameContent } from "../../src/fingerprint/same-content.js";
import { sha256OfPart } from "../../src/fingerprint/sha256-of-part.js";
import { Xxh64, xxh64 } from "../../src/fingerprint/xxh64.js";
import { addon } from "../../src/native/addon.js";

let directory: string;
let path: Buffer;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-content-")));
  path = Buffer.from(join(directory, "file"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const inFile = (bytes: Buffer): Uint32Array => {
  writeFileSync(path, bytes);
  return addon.statRecord(path);
};
const reader = (bytes: Buffer) => (offset: number, size: number) => bytes.subarray(offset, offset + size);

test("contents are the same, or not", async () => {
  for (const size of [0, 1, 4096, (1 << 20) + 1, 20 << 20]) {
    const bytes = randomBytes(size);
    const stat = inFile(bytes);
    expect(await sameContent(path, stat, reader(bytes))).toEqual({ ok: true, value: true });
    if (size === 0) continue;
    const other = Buffer.from(bytes);
    other[size - 1] = (other[size - 1] as number) ^ 1;
    expect(await sameContent(path, stat, reader(other))).toEqual({ ok: true, value: false });
    expect(await sameContent(path, stat, reader(bytes.subarray(1)))).toEqual({ ok: true, value: false });
  }
});

test("hashes are those of the whole content", async () => {
  const bytes = randomBytes((3 << 20) + 77);
  const stat = inFile(bytes);
  // All of it, a part across pieces, a part at the end, nothing.
  for (const [offset, end] of [
    [0, bytes.length],
    [5, (1 << 20) + 9],
    [bytes.length - 78, bytes.length],
    [7, 7],
  ] as const) {
    const expected = createHash("sha256").update(bytes.subarray(offset, end)).digest();
    expect(await sha256OfPart(path, stat, offset, end - offset)).toEqual({ ok: true, value: expected });
  }
  // Of the reference implementation (xxhash.com).
  expect(xxh64(Buffer.from("")).toString(16)).toBe("ef46db3751d8e999");
  expect(xxh64(Buffer.from("abc")).toString(16)).toBe("44bc2cf5ad770999");
  expect(new Xxh64().update(bytes.subarray(0, 100)).update(bytes.subarray(100)).digest()).toBe(xxh64(bytes));
});

test("a file that is not what selection saw is an error", async () => {
  const bytes = randomBytes(5000);
  const changes: Record<string, () => void> = {
    gone: () => rmSync(path.toString()),
    shorter: () => writeFileSync(path, "x"),
    longer: () => appendFileSync(path, "x"),
    mode: () => chmodSync(path, 0o600),
    link: () => {
      renameSync(path, join(directory, "moved"));
      symlinkSync("moved", path);
    },
  };
  for (const [change, make] of Object.entries(changes)) {
    rmSync(path.toString(), { force: true });
    const stat = inFile(bytes);
    make();
    const result = await sameContent(path, stat, reader(bytes));
    expect(result, change).toMatchObject({ ok: false, error: { code: "input-changed", path } });
  }
});

test("one that changes while it is read is an error", async () => {
  const bytes = randomBytes(3 << 20);
  const stat = inFile(bytes);
  const result = await sameContent(path, stat, (offset, size) => {
    if (offset > 0) chmodSync(path, 0o600);
    return bytes.subarray(offset, offset + size);
  });
  expect(result).toMatchObject({ ok: false, error: { code: "input-changed" } });
});
