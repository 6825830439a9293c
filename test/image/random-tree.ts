/** Random directory trees on disk, for property tests: every node type, odd names, hard links, sizes around block boundaries. */

import { chmodSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";

export type Shape =
  | { readonly kind: "file"; readonly sizeBytes: number; readonly mode: number; readonly seconds: number }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "hard" }
  | { readonly kind: "directory"; readonly children: ReadonlyMap<string, Shape>; readonly mode: number };

/** latin1 text of bytes that need not be UTF-8, but are no `/` and no NUL; around the places of `.` and `..` now and then. */
const name = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z]{1,8}(\.py|\.so|\.txt)?$/) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("!x", "-", "...", "..a", ".-", ".a", "\xff\xfe", "caf\xc3\xa9", "new\nline", "*"),
  },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 255 }).map((length) => "n".repeat(length)) },
);

const sizeBytes = fc.oneof(
  fc.integer({ min: 0, max: 9000 }),
  fc.constantFrom(0, 1, 4031, 4032, 4033, 4095, 4096, 4097, 8192, 12_288 + 4032, 1_048_575, 1_048_576, 1_048_577),
);

const file = fc.record({
  kind: fc.constant("file" as const),
  sizeBytes,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  seconds: fc.integer({ min: -1e9, max: 4e9 }),
});

const link = fc.record({
  kind: fc.constant("link" as const),
  target: fc.oneof(
    fc.constantFrom("a", "../b", "/c", "."),
    fc.integer({ min: 1, max: 4095 }).map((n) => "t".repeat(n)),
  ),
});

const { shape } = fc.letrec<{ shape: Shape; directory: Shape }>((tie) => ({
  directory: fc.record({
    kind: fc.constant("directory" as const),
    mode: fc.constantFrom(0o755, 0o700, 0o1777, 0o2750),
    children: fc.array(fc.tuple(name, tie("shape")), { maxLength: 12 }).map((list) => new Map(list)),
  }),
  shape: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    file,
    link,
    fc.constant({ kind: "hard" as const }),
    tie("directory"),
  ),
}));

/** A directory with at least one child. */
export const randomTree: fc.Arbitrary<ReadonlyMap<string, Shape>> = fc
  .array(fc.tuple(name, shape), { minLength: 1, maxLength: 20 })
  .map((list) => new Map(list));

/** Reproducible bytes, none of them zero. */
function content(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = (state >>> 24) | 1;
  }
  return bytes;
}

/**
 * Makes the tree beneath an existing directory.
 * @returns the number of names made
 */
export function makeTree(root: string, tree: ReadonlyMap<string, Shape>): number {
  let made = 0;
  let lastFile: Buffer | undefined;
  const make = (directory: Buffer, children: ReadonlyMap<string, Shape>): void => {
    for (const [child, shapeOfChild] of children) {
      const path = Buffer.concat([directory, Buffer.from("/"), Buffer.from(child, "latin1")]);
      made++;
      if (shapeOfChild.kind === "file" || (shapeOfChild.kind === "hard" && lastFile === undefined)) {
        const {
          sizeBytes: size,
          mode,
          seconds,
        } = shapeOfChild.kind === "file" ? shapeOfChild : { sizeBytes: 3, mode: 0o644, seconds: 1 };
        writeFileSync(path, content(size, made));
        chmodSync(path, mode | 0o400);
        lutimesSync(path, seconds, seconds + 0.5);
        lastFile = path;
      } else if (shapeOfChild.kind === "hard") {
        linkSync(lastFile as Buffer, path);
      } else if (shapeOfChild.kind === "link") {
        symlinkSync(shapeOfChild.target, path);
      } else {
        mkdirSync(path);
        make(path, shapeOfChild.children);
        chmodSync(path, shapeOfChild.mode);
      }
    }
  };
  make(Buffer.from(root), tree);
  return made;
}
