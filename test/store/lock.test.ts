/** The second waits, is told for whom, and goes on when the first is done or dead. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LockHolder, StateLock } from "../../src/store/lock.js";

let directory: string;
let children: ChildProcess[];
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-lock-")));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** @returns lines that it prints */
function holder(): { child: ChildProcess; line: () => Promise<string> } {
  const program = join(import.meta.dirname, "hold-lock.mjs");
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => `${(await lines.next()).value}` };
}

test("a second process is told the first one's PID, and locks when that ends", async () => {
  const first = holder();
  expect(await first.line()).toBe("locked");
  const second = holder();
  const waited = JSON.parse(await second.line()) as LockHolder;
  expect(waited.pid).toBe(first.child.pid);
  expect(waited.command).toContain("hold-lock.mjs");
  first.child.stdin?.end();
  expect(await second.line()).toBe("locked");
});

test("SIGKILL releases it; who waits on is told of the next holder", async () => {
  const first = holder();
  expect(await first.line()).toBe("locked");
  const told: number[] = [];
  let notify = (): void => {};
  const stop = new AbortController();
  const toldOf = (count: number): Promise<void> =>
    new Promise((resolve) => {
      notify = () => told.length >= count && resolve();
      notify();
    });
  const waiting = StateLock.acquire(
    Buffer.from(directory),
    ({ pid }) => {
      told.push(pid);
      notify();
    },
    stop.signal,
  );
  await toldOf(1);
  expect(told).toEqual([first.child.pid]);
  first.child.kill("SIGKILL");
  const lock = await waiting;
  expect(lock.ok).toBe(true);
  expect(readFileSync(join(directory, "lock"), "utf8").startsWith(`${process.pid} `)).toBe(true);
  const second = holder();
  expect((JSON.parse(await second.line()) as LockHolder).pid).toBe(process.pid);
  if (lock.ok) lock.value.release();
  expect(await second.line()).toBe("locked");
});

test("waiting can be interrupted; two of one process exclude each other", async () => {
  const path = Buffer.from(directory);
  const first = await StateLock.acquire(path, () => {});
  const stop = new AbortController();
  const second = StateLock.acquire(path, () => stop.abort(), stop.signal);
  expect(await second).toMatchObject({ ok: false, error: { code: "interrupted" } });
  if (first.ok) first.value.release();
  const third = await StateLock.acquire(path, () => {});
  expect(third.ok).toBe(true);
  if (third.ok) third.value.release();
});

test("without a directory there is no lock", async () => {
  const lock = await StateLock.acquire(Buffer.from(join(directory, "missing")), () => {});
  expect(lock).toMatchObject({ ok: false, error: { code: "state-unusable", detail: "ENOENT" } });
});
