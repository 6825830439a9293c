import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { useStandInRuntime } from "../inspect/sample.js";
import { temporaryDirectory } from "../link/stand-in.js";
import { commandLine, MAIN } from "./command-line.js";

const directory = temporaryDirectory("interruption");
const at = (name: string) => join(directory.path, name);
const binaryfs = commandLine(directory.path);
const FILES = 60;

beforeAll(() => {
  useStandInRuntime(directory.path);
  mkdirSync(at("big"));
  for (let index = 0; index < FILES; index++) writeFileSync(at(`big/${index}`), Buffer.alloc(4 << 20, index + 1));
  expect(binaryfs(["build", "big", "-o", "big.so"]).status).toBe(0);
  mkdirSync(at("work"));
});
afterAll(directory.dispose);
beforeEach(() => spawnSync("rm", ["-rf", at("work")]) && mkdirSync(at("work")));

const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [MAIN, ...args], {
    cwd: directory.path,
    env: { ...process.env, XDG_CACHE_HOME: at(".cache") },
    stdio: ["ignore", "ignore", "pipe"],
  });

async function ended(child: ChildProcess): Promise<{ status: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (piece) => {
    stderr += piece;
  });
  const [status] = await once(child, "close");
  return { status, stderr };
}

const work = (): string[] => readdirSync(at("work"));

/** Sends the signal as soon as the command has begun to write. One that was done before it came, on a busy machine, is started again. */
async function stopped(args: readonly string[], signal: NodeJS.Signals, directory = at("work")) {
  for (;;) {
    const child = start(args);
    const end = ended(child);
    while (readdirSync(directory).length === 0) await pause(1);
    child.kill(signal);
    const result = await end;
    if (result.status !== 0) return result;
    for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
  }
}

describe.each(["SIGINT", "SIGTERM", "SIGQUIT"] as const)("%s", (signal) => {
  it.each([
    ["build", ["build", "big", "-o", "work/x.so"]],
    ["extract", ["extract", "big.so", "-o", "work/x"]],
  ])("ends %s with a line, and nothing of the output stays", async (_, args) => {
    const end = await stopped(args, signal);
    expect(end).toMatchObject({ status: 1, stderr: expect.stringMatching(/^binaryfs: interrupted: /) });
    expect(work()).toEqual([]);
  });
});

describe("an interrupted extract", () => {
  it("into an empty directory that was there empties it again", async () => {
    mkdirSync(at("work/mine"));
    expect(await stopped(["extract", "big.so", "-o", "work/mine"], "SIGINT", at("work/mine"))).toMatchObject({
      status: 1,
    });
    expect(readdirSync(at("work/mine"))).toEqual([]);
  });
});

describe("SIGKILL", () => {
  it.each([
    ["build", ["build", "big", "-o", "work/x.so"], "x.so"],
    ["extract", ["extract", "big.so", "-o", "work/x"], "x"],
  ])("leaves of %s what the next one with the same output removes", async (_, args, made) => {
    await stopped(args, "SIGKILL");
    expect(work().filter((name) => name.endsWith(".tmp"))).toHaveLength(1);
    expect(binaryfs(args).status).toBe(0);
    expect(work()).toEqual([made]);
  });
});
