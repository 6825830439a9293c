import { execFileSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProgram } from "../../src/link/dynamic.js";
import { NATIVE_HEAD_BYTES, nativeHead } from "../../src/link/native.js";
import { openLibrary } from "../../src/link/read-library.js";
import { makeStandInRuntime, temporaryDirectory } from "./stand-in.js";

const directory = temporaryDirectory("read");
const at = (name: string) => join(directory.path, name);
let head: Buffer;
/** The head without its long tail of zeros, which is what the reader looks at. */
const HEADERS_BYTES = 0x4000;

const codeOf = (path: string): string => {
  const library = openLibrary(Buffer.from(path));
  if (!library.ok) return library.error.code;
  library.value.close();
  return "ok";
};

beforeAll(() => {
  makeStandInRuntime(at("runtime"));
  head = nativeHead(readFileSync(at("runtime/template.so")), { sizeBytes: 8192, merkleRoot: Buffer.alloc(32) });
});
afterAll(directory.dispose);

describe("openLibrary", () => {
  it.each([
    ["an empty file", () => Buffer.alloc(0), "not-a-library"],
    ["text", () => Buffer.from("hello\n"), "not-a-library"],
    ["a program", () => readFileSync("/bin/true"), "not-a-library"],
    ["the launcher, which has no image", () => readFileSync(at("runtime/binaryfs-run")), "not-a-library"],
    ["a head alone", () => head, "library-truncated"],
    ["a head and half an image", () => Buffer.concat([head, Buffer.alloc(4096)]), "library-truncated"],
    ["a whole library", () => Buffer.concat([head, Buffer.alloc(8192)]), "ok"],
  ])("tells %s", (_, bytes, code) => {
    writeFileSync(at("file"), bytes());
    expect(codeOf(at("file"))).toBe(code);
  });

  it("does not wait for a fifo and does not open a directory", () => {
    execFileSync("mkfifo", [at("fifo")]);
    expect(codeOf(at("fifo"))).toBe("not-a-library");
    expect(codeOf(directory.path)).toBe("not-a-library");
    expect(codeOf(at("missing"))).toBe("path-not-found");
  });

  it("answers every damaged head with a library inside the file or a failure", () => {
    const path = at("damaged.so");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(HEADERS_BYTES - 1), fc.nat(255)), { maxLength: 12 }), (changes) => {
        const bytes = Buffer.from(head.subarray(0, HEADERS_BYTES));
        for (const [offset, value] of changes) bytes[offset] = value;
        writeFileSync(path, bytes);
        truncateSync(path, NATIVE_HEAD_BYTES + 8192);
        const library = openLibrary(Buffer.from(path));
        if (!library.ok) {
          expect(["not-a-library", "library-truncated", "bad-image"]).toContain(library.error.code);
          return;
        }
        const { imageOffset, imageBytes, fileBytes } = library.value;
        library.value.close();
        expect(imageOffset % 4096).toBe(0);
        expect(imageOffset + imageBytes).toBeLessThanOrEqual(fileBytes);
      }),
      { numRuns: 300 },
    );
  });

  it("answers every damaged program header with a failure or a library", () => {
    const path = at("damaged.so");
    fc.assert(
      fc.property(fc.nat(1000), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (offset, value) => {
        const bytes = Buffer.from(head.subarray(0, HEADERS_BYTES));
        bytes.writeBigUInt64LE(value, offset);
        writeFileSync(path, bytes);
        truncateSync(path, NATIVE_HEAD_BYTES + 8192);
        expect(codeOf(path)).toMatch(/^(ok|not-a-library|library-truncated|bad-image)$/);
        expect(typeof readProgram(Buffer.from(path)).ok).toBe("boolean");
      }),
      { numRuns: 300 },
    );
  });
});
