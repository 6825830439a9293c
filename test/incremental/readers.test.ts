/**
 * Processes that have the library mapped go on reading the bytes of their generation, whatever is published meanwhile.
 *
 * `BINARYFS_PUBLICATIONS=1000` is the long form.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { Session } from "../../src/engine/session.js";
import { contentOf } from "../support/editing.js";
import { differencesFromClean, makePlace, type Place, strayNames, unwrap } from "../support/incremental.js";

const PUBLICATIONS = Number(process.env["BINARYFS_PUBLICATIONS"] ?? 100);

let place: Place;
let program: string;

/** A process that maps the library. */
class Reader {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(library: string) {
    this.#child = spawn(program, [library], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
  }

  /** Hash of what is mapped; `next`: of what has the name from now on. */
  async read(word: "same" | "next" = "same"): Promise<string> {
    const line = once(this.#lines, "line");
    this.#child.stdin?.write(`${word}\n`);
    return ((await line) as [string])[0];
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await once(this.#child, "exit");
  }
}

let unmount = (): void => undefined;

/** A file system that shares blocks, in a file; undefined where it cannot be mounted. */
function mountXfs(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "binaryfs-xfs-"));
  const [image, mountPoint] = [join(directory, "image"), join(directory, "mount")];
  mkdirSync(mountPoint);
  writeFileSync(image, "");
  truncateSync(image, 400 << 20);
  unmount = () => {
    spawnSync("umount", [mountPoint]);
    rmSync(directory, { recursive: true, force: true });
    unmount = () => undefined;
  };
  const made = spawnSync("mkfs.xfs", ["-q", "-m", "reflink=1", image]).status === 0;
  if (made && spawnSync("mount", ["-o", "loop", image, mountPoint]).status === 0) return mountPoint;
  unmount();
  return undefined;
}

/** Each kind of file system has its own way to the next library. */
describe.each([
  ["a disk", tmpdir],
  ["memory", () => (existsSync("/dev/shm") ? "/dev/shm" : undefined)],
  ["a file system that shares blocks", mountXfs],
])("on %s", (name, parentOf) => {
  beforeEach((context) => {
    const parent = parentOf();
    if (parent === undefined) return context.skip(`${name} is not to be had`);
    place = makePlace("readers", parent);
    program = join(place.directory, "reader");
    const compiled = spawnSync("gcc", ["-O2", "-o", program, join(import.meta.dirname, "reader.c")], {
      encoding: "utf8",
    });
    expect(compiled).toMatchObject({ status: 0, stderr: "" });
  });
  afterEach(() => {
    if (existsSync(place.directory)) place.remove();
    unmount();
  });

  test(
    `readers see the bytes of their generation during ${PUBLICATIONS} publications`,
    async () => {
      for (let index = 0; index < 40; index++)
        writeFileSync(join(place.root, `f${index}`), contentOf(index * 3000, index));
      mkdirSync(join(place.root, "more"));
      const options: BuildOptions = { root: place.root, output: place.output, state: place.state };
      const session = unwrap(await Session.open(options));
      const readers: Reader[] = [];
      const methods = new Map<string, number>();
      try {
        let report = unwrap(await session.update("all"));
        const wanted: string[] = [];
        /** Stays all the time. */
        readers.push(new Reader(place.output));
        wanted.push(await (readers[0] as Reader).read());
        const follower = new Reader(place.output);
        readers.push(follower);
        for (let round = 1; round <= PUBLICATIONS; round++) {
          const name = join(place.root, `f${round % 40}`);
          if (round % 7 === 0) appendFileSync(name, contentOf(5000, round));
          else if (round % 5 === 0) writeFileSync(join(place.root, "more", `n${round}`), contentOf(3000, round));
          else writeFileSync(name, contentOf(1 + (round % 40) * 3000, round));
          // The follower has the very generation mapped that would become the spare, or is one or two behind.
          if (round % 3 !== 0) wanted[1] = await follower.read("next");
          report = unwrap(await session.update("all"));
          if (round % 4 === 0) await session.idle(new AbortController().signal);
          methods.set(report.method, (methods.get(report.method) ?? 0) + 1);
          for (const [index, reader] of readers.entries()) {
            if (wanted[index] === undefined) continue;
            expect({ round, index, hash: await reader.read() }).toEqual({ round, index, hash: wanted[index] });
          }
        }
        expect(await differencesFromClean(report, place, options)).toEqual([]);
        expect(strayNames(place)).toEqual([]);
        expect([...methods.values()].reduce((sum, count) => sum + count)).toBe(PUBLICATIONS);
        process.stdout.write(`publications by method: ${JSON.stringify([...methods])}\n`);
      } finally {
        await session.close();
        for (const reader of readers) await reader.end();
      }
    },
    600_000 + PUBLICATIONS * 5_000,
  );
});
