import { describe, expect, it } from "vitest";
import { PIECE_BYTES, Pieces } from "../../src/remote/pieces.js";

const SIZE = 3 * PIECE_BYTES + 8192;
const hashOf = (index: number): Buffer => Buffer.alloc(32, index + 1);

function known(sizeBytes = SIZE): Pieces {
  const pieces = new Pieces(sizeBytes);
  for (let index = 0; index < pieces.count; index++) pieces.set(index, index === 2 ? undefined : hashOf(index));
  return pieces;
}
const knownOnes = (pieces: Pieces): number[] =>
  [...Array(pieces.count).keys()].filter((index) => pieces.isKnown(index));

describe("pieces of a library", () => {
  it("are named by their offsets, and holes are left out", () => {
    const files = known().toOutputFiles();
    expect(files.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ["library/00000000000000", PIECE_BYTES],
      ["library/00000000400000", PIECE_BYTES],
      ["library/00000000c00000", 8192],
    ]);
    const back = Pieces.fromOutputFiles(files, SIZE);
    expect(back?.hashes).toEqual(known().hashes);
    expect(back?.isHole(2)).toBe(true);
  });

  const [first] = known().toOutputFiles();
  const file = first as NonNullable<typeof first>;
  it.each([
    ["twice", [file, file]],
    ["beyond the end", [{ ...file, path: "library/00000001000000" }]],
    ["between pieces", [{ ...file, path: "library/00000000000001" }]],
    ["with another name", [{ ...file, path: "../etc/passwd" }]],
    ["of another size", [{ ...file, sizeBytes: PIECE_BYTES - 1 }]],
    ["of a negative size", [{ ...file, sizeBytes: -1 }]],
    ["with a hash that leads elsewhere", [{ ...file, hash: "../../x" }]],
    ["with a hash in capitals", [{ ...file, hash: "AB".repeat(32) }]],
  ])("are refused: one %s", (_, files) => {
    expect(Pieces.fromOutputFiles(files, SIZE)).toBeUndefined();
  });

  it("are forgotten where something was written", () => {
    const written = [[PIECE_BYTES + 5, PIECE_BYTES + 6]] as const;
    expect(knownOnes(known().changed(SIZE, written))).toEqual([0, 2, 3]);
    expect(knownOnes(known().changed(SIZE, [[PIECE_BYTES - 1, PIECE_BYTES + 1]]))).toEqual([2, 3]);
    expect(knownOnes(known().changed(SIZE, []))).toEqual([0, 1, 2, 3]);
  });

  it("are forgotten where the file's end was, or is", () => {
    expect(knownOnes(known().changed(SIZE + 4096, []))).toEqual([0, 1, 2]);
    expect(knownOnes(known().changed(SIZE + 2 * PIECE_BYTES, []))).toEqual([0, 1, 2]);
    expect(knownOnes(known().changed(2 * PIECE_BYTES, []))).toEqual([0, 1]);
    expect(knownOnes(known().changed(PIECE_BYTES + 4096, []))).toEqual([0]);
  });
});
