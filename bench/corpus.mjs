/** Seeded trees of files with the sizes that installed software has; the same seed gives the same bytes. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

/**
 * Sizes as found below site-packages and node_modules: most files are a few KiB, most bytes lie in few large ones.
 * Upper limits in bytes, and the share of files up to there.
 */
const sizeMix = [
  { share: 0.06, from: 0, to: 64 },
  { share: 0.3, from: 64, to: 1 << 10 },
  { share: 0.36, from: 1 << 10, to: 8 << 10 },
  { share: 0.2, from: 8 << 10, to: 32 << 10 },
  { share: 0.07, from: 32 << 10, to: 128 << 10 },
  { share: 0.0095, from: 128 << 10, to: 1 << 20 },
  { share: 0.0005, from: 1 << 20, to: 8 << 20 },
];
const filesPerDirectory = 14;

/** A 32-bit generator (Mulberry32): values in [0, 1). @param {number} seed */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Makes the tree unless it is there already, whole.
 * @param {string} parent directory that keeps the trees
 * @param {number} fileCount
 * @param {number} seed
 * @returns {{ root: string, bytes: number }}
 */
export function corpus(parent, fileCount, seed) {
  const root = `${parent}/tree-${fileCount}-${seed}`;
  const random = generator(seed);
  const complete = `${root}.complete`;
  const write = !existsSync(complete);
  if (write) rmSync(root, { recursive: true, force: true });
  const noise = Buffer.alloc(16 << 20);
  for (let at = 0; at < noise.length; at += 4) noise.writeUInt32LE((random() * 2 ** 32) >>> 0, at);

  let bytes = 0;
  let directory = root;
  for (let number = 0; number < fileCount; number++) {
    if (number % filesPerDirectory === 0) {
      directory = directoryName(root, random);
      if (write) mkdirSync(directory, { recursive: true });
    }
    const size = fileSize(random);
    const from = Math.floor(random() * (noise.length - size));
    if (write) writeFileSync(`${directory}/${name(random)}-${number}.dat`, noise.subarray(from, from + size));
    else name(random);
    bytes += size;
  }
  if (write) writeFileSync(complete, "");
  return { root, bytes };
}

/** @param {() => number} random */
function fileSize(random) {
  let at = random();
  for (const { share, from, to } of sizeMix) {
    // Within a class small sizes are likelier: uniform in the logarithm.
    if (at < share) return Math.floor((from + 1) * ((to + 1) / (from + 1)) ** random()) - 1;
    at -= share;
  }
  return 0;
}

/** @param {string} root @param {() => number} random */
function directoryName(root, random) {
  const depth = 1 + Math.floor(random() * 6);
  const parts = Array.from({ length: depth }, (_, level) => `d${Math.floor(random() * 4 ** Math.min(level + 1, 4))}`);
  return [root, ...parts].join("/");
}

/** @param {() => number} random */
const name = (random) =>
  Array.from({ length: 4 + Math.floor(random() * 16) }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join(
    "",
  );
