/** What stands under the output's name, whatever happens to the build: the old library or the new one, whole. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const cli = join(import.meta.dirname, "../../dist/bin/main.js");

let directory: string;
let root: string;
let output: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-publication-")));
  root = join(directory, "root");
  mkdirSync(join(directory, "out"));
  output = join(directory, "out", "lib.so");
  mkdirSync(root);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Enough for several batches and for the pool of threads. */
function fill(generation: number): void {
  for (let number = 0; number < 60; number++) {
    writeFileSync(join(root, `file-${number}`), Buffer.alloc(1 << 20, generation * 64 + number));
  }
}
const args = (): string[] => [cli, "build", root, "-o", output];
const buildHere = () => spawnSync(process.execPath, args(), { encoding: "utf8" });
const verify = () => spawnSync(process.execPath, [cli, "verify", output], { encoding: "utf8" });
const digestOf = (text: string): string => /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? "none";

async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return { code, signal };
}

test("killed with SIGKILL at any moment, a build leaves the old library whole, and the next one is right", async () => {
  fill(1);
  const first = buildHere();
  expect(first.status).toBe(0);
  fill(2);
  let started = performance.now();
  const clean = spawnSync(process.execPath, [cli, "build", root, "-o", join(directory, "clean.so")], {
    encoding: "utf8",
  });
  let wholeMs = performance.now() - started;
  const digests = [digestOf(first.stdout), digestOf(clean.stdout)];
  expect(new Set(digests).size).toBe(2);
  let killed = 0;
  const rounds = 12;
  for (let round = 0; round < rounds || killed === 0; round++) {
    started = performance.now();
    const child = spawn(process.execPath, args(), { stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), (wholeMs * ((round % rounds) + Math.random())) / rounds);
    const { signal } = await ended(child);
    clearTimeout(timer);
    if (signal === "SIGKILL") killed++;
    else wholeMs = performance.now() - started;
    const { status, stdout } = verify();
    expect(status).toBe(0);
    expect(digests).toContain(digestOf(stdout));
  }
  expect(buildHere().status).toBe(0);
  expect(readFileSync(output).equals(readFileSync(join(directory, "clean.so")))).toBe(true);
});

test("two builds of one output at the same time leave one of both, whole, and nothing else", async () => {
  fill(1);
  const children = [1, 2, 3].map(() => spawn(process.execPath, args(), { stdio: "ignore" }));
  expect(await Promise.all(children.map(ended))).toEqual([1, 2, 3].map(() => ({ code: 0, signal: null })));
  expect(verify().status).toBe(0);
  expect(readdirSync(join(directory, "out"))).toEqual(["lib.so"]);
});

test("a reader of the old library keeps it, whole, while a build takes its name", () => {
  fill(1);
  expect(buildHere().status).toBe(0);
  const { ino } = statSync(output);
  const old = readFileSync(output);
  fill(2);
  const script = 'exec 3<"$1"; shift; "$@" >/dev/null || exit 1; cat <&3';
  const reader = spawnSync("sh", ["-c", script, "sh", output, process.execPath, ...args()], { maxBuffer: 2 ** 30 });
  expect(reader.status).toBe(0);
  expect(reader.stdout.equals(old)).toBe(true);
  expect(statSync(output).ino).not.toBe(ino);
});

test("a full file system is no-space: the old library stays, no temporary does", (context) => {
  const small = join(directory, "small");
  mkdirSync(small);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", small]).status !== 0)
    context.skip("only root may mount a small file system");
  try {
    output = join(small, "lib.so");
    writeFileSync(join(root, "little"), "1");
    expect(buildHere().status).toBe(0);
    const old = readFileSync(output);
    fill(1);
    const { status, stderr } = buildHere();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^binaryfs: no-space: /);
    expect(readdirSync(small)).toEqual(["lib.so"]);
    expect(readFileSync(output).equals(old)).toBe(true);
  } finally {
    spawnSync("umount", [small]);
  }
});
