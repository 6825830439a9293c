/** Contents that tell their generation and whether they are whole; and a process that publishes one after another until it is killed: DIRECTORY LAST. */

import { openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BLOCK_BYTES = 4096;
const BLOCKS = 64;

/**
 * Each generation changes the first block, which holds its number, and a few others.
 * @param {number} generation
 */
const changedBlocks = (generation) => [0, ...[7, 11, 13].map((factor) => 1 + ((generation * factor) % (BLOCKS - 1)))];

/**
 * The whole content.
 * @param {number} generation
 */
export function contentOf(generation) {
  const content = Buffer.alloc(BLOCKS * BLOCK_BYTES);
  for (let number = 1; number <= generation; number++) {
    for (const block of changedBlocks(number)) {
      for (let at = 0; at < BLOCK_BYTES; at += 4) content.writeUInt32LE(number, block * BLOCK_BYTES + at);
    }
  }
  return content;
}

/** @param {string} path */
export function generationOf(path) {
  const word = Buffer.alloc(4);
  readSync(openSync(path, "r"), word, 0, 4, 0);
  return word.readUInt32LE();
}

/**
 * @param {string} directory
 * @param {number} last
 */
async function publishForever(directory, last) {
  /** @param {string} name */
  const dist = (name) => new URL(`../../dist/${name}.js`, import.meta.url).href;
  const { Successor } = await import(dist("publish/successor"));
  const { OutputFile } = await import(dist("publish/output-file"));
  const { removeSpare } = await import(dist("publish/spare"));
  const { readState, writeState } = await import(dist("store/state-file"));
  const output = Buffer.from(join(directory, "lib.so"));
  const state = Buffer.from(join(directory, "state/lib.state"));
  const spareDirectories = [Buffer.from(join(directory, "state"))];
  /** @param {import("../../src/errors.js").Result<any>} result */
  const must = (result) => {
    if (!result.ok) throw new Error(JSON.stringify(result));
    return result.value;
  };
  // Nobody reads, let alone kills it, when its test was killed.
  const parent = process.ppid;
  while (process.ppid === parent) {
    const loaded = must(readState(state));
    const { spare, ...recorded } = loaded.kind === "state" ? loaded.contents.meta : {};
    const known = spare && { ...spare, path: Buffer.from(spare.path) };
    const sizeBytes = BLOCKS * BLOCK_BYTES;
    const update =
      recorded.library &&
      must(
        await Successor.create({ output, ...recorded, ...(known && { spare: known }), spareDirectories, sizeBytes }),
      );
    const generation = generationOf(output.toString()) + 1;
    const content = contentOf(generation);
    let published;
    if (update) {
      const blocks = changedBlocks(generation);
      for (const block of blocks) {
        writeSync(update.fd, content, block * BLOCK_BYTES, BLOCK_BYTES, block * BLOCK_BYTES);
      }
      published = must(update.publish(blocks.map((block) => [block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES])));
    } else {
      const file = must(OutputFile.create(output, 0o755));
      writeSync(file.fd, content);
      published = { library: must(file.publish()) };
      removeSpare(output, spareDirectories);
    }
    const meta = {
      ...published,
      ...(published.spare && { spare: { ...published.spare, path: `${published.spare.path}` } }),
    };
    must(writeState(state, { meta, columns: {} }));
    if (generation === last) return;
    process.stdout.write(update ? `${update.method}\n` : "new\n");
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , directory = "", last] = process.argv;
  await publishForever(directory, Number(last));
}
