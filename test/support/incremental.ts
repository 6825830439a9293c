/** What tests of incremental builds share: a place for tree, outputs and state, builds that must succeed, and the comparison with a clean build. */

import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "../../src/build.js";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import type { Result } from "../../src/errors.js";
import { openImage } from "../../src/inspect/open-image.js";
import { verify } from "../../src/inspect/verify.js";
import type { Warning } from "../../src/model.js";
import { memoryDirectory } from "./memory.js";

export interface Place {
  readonly directory: string;
  readonly root: string;
  /** `out/lib.so`; nothing else is in `out`. */
  readonly output: string;
  readonly state: string;
  /** A clean build goes here. */
  readonly clean: string;
  remove(): void;
}

/** `BINARYFS_SCRATCH` names another file system. */
const scratch = process.env["BINARYFS_SCRATCH"] ?? memoryDirectory();

export function makePlace(name: string, parent = scratch): Place {
  const directory = realpathSync(mkdtempSync(join(parent, `binaryfs-${name}-`)));
  const inside = (...names: string[]): string => join(directory, ...names);
  for (const made of ["root", "out", "clean"]) mkdirSync(inside(made));
  return {
    directory,
    root: inside("root"),
    output: inside("out", "lib.so"),
    state: inside("state"),
    clean: inside("clean", "lib.so"),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const { code, path, detail, cause } = result.error;
  throw new Error(`${code} ${path?.toString("latin1") ?? ""} ${detail ?? ""}`, { cause });
}

/** A build that must succeed. */
export const built = async (options: BuildOptions): Promise<BuildReport> => unwrap(await build(options));

/** Builds the same anew, without state, in one thread, and says in what the library at the output differs from it; nothing if in nothing. */
export async function differencesFromClean(
  report: BuildReport,
  { output, clean }: Place,
  options: BuildOptions,
): Promise<string[]> {
  rmSync(clean, { force: true });
  const reference = await built({ ...options, output: clean, state: false, threads: 1 });
  const differences: string[] = [];
  if (reference.digest !== report.digest) differences.push(`digest ${report.digest} is to be ${reference.digest}`);
  if (!reference.merkleRoot.equals(report.merkleRoot)) differences.push("Merkle root");
  if (reference.imageBytes !== report.imageBytes) differences.push("imageBytes");
  if (reference.files !== report.files) differences.push(`files ${report.files} are to be ${reference.files}`);
  const [is, wanted] = [report, reference].map(({ warnings }) => warnings.map(textOf).filter(Boolean).join("; "));
  if (is !== wanted) differences.push(`warnings ${is} are to be ${wanted}`);
  const at = firstDifference(output, clean);
  if (at !== undefined) differences.push(`bytes from ${at} on`);
  return differences;
}

/** What is said of the state is no matter of the tree. */
const textOf = ({ code, path, detail }: Warning): string =>
  code === "state-discarded" ? "" : `${code} ${path?.toString("latin1")} ${detail}`;

/** @returns where two files begin to differ; undefined when they are equal */
export function firstDifference(one: string, other: string): number | undefined {
  const fds = [openSync(one, "r"), openSync(other, "r")];
  const parts = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)] as const;
  try {
    for (let at = 0; ; ) {
      const [left, right] = fds.map((fd, index) => readSync(fd, parts[index] as Buffer, 0, 1 << 20, at)) as [
        number,
        number,
      ];
      if (parts[0].subarray(0, left).equals(parts[1].subarray(0, right))) {
        if (left === 0) return undefined;
        at += left;
        continue;
      }
      let within = 0;
      while (within < Math.min(left, right) && parts[0][within] === parts[1][within]) within++;
      return at + within;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** All that our own checker finds wrong with a library. */
export function problemsOf(library: string): string[] {
  const image = unwrap(openImage(Buffer.from(library)));
  try {
    return unwrap(verify(image)).problems.map((problem) => JSON.stringify(problem));
  } finally {
    image.close();
  }
}

/** Names that may stay beside a library `lib.so`, and in a state directory. */
const OUTPUT_NAMES = /^(lib\.so|\.binaryfs-lib\.so)$/;
const STATE_NAMES = /^([0-9a-f]{32}\.(state|spare)|lock|store)$/;

/** Names that have no business where they are. */
export function strayNames({ output, state }: Place): string[] {
  const beside = join(output, "..");
  const spareDirectory = join(beside, ".binaryfs-lib.so");
  const strays = (directory: string, allowed: RegExp): string[] =>
    existsSync(directory) ? readdirSync(directory).filter((name) => !allowed.test(name)) : [];
  const shards = existsSync(join(state, "store"))
    ? readdirSync(join(state, "store"), { recursive: true, encoding: "utf8" })
    : [];
  return [
    ...strays(beside, OUTPUT_NAMES),
    ...strays(spareDirectory, /^[0-9a-f]{32}\.spare$/),
    ...strays(state, STATE_NAMES),
    ...shards.filter((path) => !/^(cas|ac)(\/[0-9a-f]{2}(\/[0-9a-f]{64})?)?$/.test(path)),
  ];
}

/** Longer than the clock of any file system that tests run on takes to move on, so that a stat record tells of a write from now on. */
export async function settleClock(): Promise<void> {
  await delay(30);
}

/** Bytes on disk of files and of all beneath directories; what is not there takes none. */
export function diskBytes(...paths: readonly string[]): number {
  return paths
    .filter((path) => existsSync(path))
    .reduce(
      (sum, path) => sum + Number(execFileSync("du", ["-s", "-B1", path], { encoding: "utf8" }).split("\t")[0]),
      0,
    );
}

/** Inode and times: equal while nobody touched the file. */
export function fingerprintOf(path: string): string {
  const { ino, mtimeNs, ctimeNs, size } = lstatSync(path, { bigint: true });
  return [ino, mtimeNs, ctimeNs, size].join(" ");
}

/** Files of the store in a state directory. */
export function storeFiles(state: string): string[] {
  const store = join(state, "store");
  if (!existsSync(store)) return [];
  return readdirSync(store, { recursive: true, encoding: "utf8" })
    .map((name) => join(store, name))
    .filter((path) => lstatSync(path).isFile());
}

/** Changes one byte in place. */
export function flip(path: string, at: number): void {
  const fd = openSync(path, "r+");
  try {
    const position = at % Math.max(1, fstatSync(fd).size);
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, position);
    writeSync(fd, Buffer.from([(byte[0] as number) ^ 0xa5]), 0, 1, position);
  } finally {
    closeSync(fd);
  }
}
