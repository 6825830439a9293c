import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../src/build.js";
import { ImageView } from "../../src/image/decode.js";
import { contentOf } from "../../src/image/decode-data.js";
import { bufferSource } from "../../src/image/decode-source.js";
import { extract } from "../../src/inspect/extract.js";
import { openImage } from "../../src/inspect/open-image.js";
import { usageOf } from "../../src/inspect/usage.js";
import { verify } from "../../src/inspect/verify.js";
import { verifyStructure } from "../../src/inspect/verify-structure.js";
import { walk } from "../../src/inspect/walk.js";
import { NATIVE_HEAD_BYTES } from "../../src/link/native.js";
import { temporaryDirectory } from "../link/stand-in.js";
import { makeSampleTree, useStandInRuntime } from "./sample.js";

const directory = temporaryDirectory("hostile");
const at = (name: string) => join(directory.path, name);
let library: Buffer;
let image: Buffer;

beforeAll(async () => {
  useStandInRuntime(directory.path);
  const report = await build({
    root: makeSampleTree(directory.path),
    output: at("sample.so"),
    hostPaths: ["/etc/hosts"],
  });
  expect(report.ok).toBe(true);
  library = readFileSync(at("sample.so"));
  image = library.subarray(NATIVE_HEAD_BYTES);
});
afterAll(directory.dispose);

/** Reads all there is; whatever it holds, this ends and throws nothing. */
function readEverything(bytes: Buffer): string {
  const view = ImageView.open(bufferSource(bytes));
  if (!view.ok) return view.error.code;
  const root = view.value.root();
  if (!root.ok) return root.error.code;
  const start = { path: Buffer.from("/"), inode: root.value };
  let bytesRead = 0;
  for (const step of walk(view.value, start)) {
    if (!step.ok) return step.error.code;
    view.value.xattrs(step.value.inode);
    if (step.value.inode.type === "symlink") view.value.target(step.value.inode);
    if (step.value.inode.type !== "file") continue;
    for (const piece of contentOf(view.value.source, step.value.inode)) {
      bytesRead += piece.ok ? piece.value.length : 0;
      // A file may truly claim terabytes of holes: reading them is the reader's choice.
      if (!piece.ok || bytesRead > 1 << 26) break;
    }
  }
  usageOf(view.value, start);
  verifyStructure(view.value);
  return "read";
}

/** Offsets that hold metadata: the head of the image, and where inodes and directories lie. */
const metadataOffset = () =>
  fc.oneof(fc.nat(4095), fc.nat(Math.min(image.length, 65_536) - 1), fc.nat(image.length - 9));

describe("a damaged image", () => {
  it("is read without exception or loop, byte by byte", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(metadataOffset(), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(image);
        for (const [offset, value] of changes) bytes[offset] = value;
        expect(readEverything(bytes)).toMatch(/^(read|bad-image)$/);
      }),
      { numRuns: 300 },
    );
  });

  it("is read without exception or loop when whole words change", () => {
    fc.assert(
      fc.property(metadataOffset(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (offset, value) => {
        const bytes = Buffer.from(image);
        bytes.writeBigUInt64LE(value, Math.min(offset - (offset % 4), bytes.length - 8));
        expect(readEverything(bytes)).toMatch(/^(read|bad-image)$/);
      }),
      { numRuns: 300 },
    );
  });

  it("is told by verify whichever byte changed", () => {
    fc.assert(
      fc.property(fc.nat(image.length - 1), fc.integer({ min: 1, max: 255 }), (offset, difference) => {
        const bytes = Buffer.from(library);
        bytes[NATIVE_HEAD_BYTES + offset] = (bytes[NATIVE_HEAD_BYTES + offset] as number) ^ difference;
        writeFileSync(at("damaged.so"), bytes);
        const opened = openImage(Buffer.from(at("damaged.so")));
        if (!opened.ok) {
          expect(opened.error.code).toBe("bad-image");
          return;
        }
        const verification = verify(opened.value);
        opened.value.close();
        expect(verification.ok && verification.value.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  it("is told apart when it is cut short", () => {
    writeFileSync(at("short.so"), library.subarray(0, library.length - 4096));
    expect(openImage(Buffer.from(at("short.so")))).toMatchObject({ ok: false, error: { code: "library-truncated" } });
  });
});

describe("a hostile name", () => {
  // Both stand in the root directory; the replacements have the same length.
  it.each([
    ["a slash", "a-b", "a/b"],
    ["a way out", "deep", "../x"],
    ["NUL", "empty", "em\0ty"],
    ["a name twice", "loop", "deep"],
  ])("with %s is refused, and nothing is written elsewhere", async (_, name, replacement) => {
    const bytes = Buffer.from(image);
    const names = bytes.indexOf("!early..");
    const place = bytes.indexOf(name, names);
    expect(names).toBeGreaterThan(0);
    bytes.write(replacement, place, "latin1");
    const view = ImageView.open(bufferSource(bytes));
    if (!view.ok) throw new Error(view.error.detail);
    const root = view.value.root();
    if (!root.ok) throw new Error(root.error.detail);
    const target = at("target");
    const result = await extract(view.value, { path: Buffer.from("/"), inode: root.value }, Buffer.from(target));
    const structure = verifyStructure(view.value);
    rmSync(target, { recursive: true, force: true });
    expect(result).toMatchObject({ ok: false, error: { code: "bad-image" } });
    expect(structure.ok && structure.value.problems.length).toBeGreaterThan(0);
    expect(existsSync(at("x"))).toBe(false);
    expect(readdirSync(directory.path).sort()).toEqual(expect.arrayContaining(["runtime", "sample.so", "tree"]));
  });
});
