/** SIGKILL at random instants of publications: a complete library stands there, the next update works, nothing stray stays. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contentOf, generationOf } from "./generations.mjs";

const program = join(import.meta.dirname, "generations.mjs");
let directory: string;
let output: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-kill-")));
  output = join(directory, "lib.so");
  mkdirSync(join(directory, "state"), { mode: 0o700 });
  writeFileSync(output, contentOf(1), { mode: 0o755 });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("50 publishers killed one after another leave whole libraries", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 2 ** 31;
  };
  const methods = new Map<string, number>();
  for (let round = 0; round < 50; round++) {
    const child = spawn(process.execPath, [program, directory, "0"], { stdio: ["ignore", "pipe", "inherit"] });
    const closed = once(child, "close");
    let lines = 0;
    // In the midst of one of the next publications, after some that are complete.
    await new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (method) => {
        methods.set(method, (methods.get(method) ?? 0) + 1);
        if (++lines === 2) resolve();
      });
      void closed.then(() => resolve());
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), random() * 25);
    void closed.then(() => clearTimeout(timer));
    expect((await closed)[1], `seed ${seed}, round ${round}`).toBe("SIGKILL");
    const generation = generationOf(output);
    expect(readFileSync(output).equals(contentOf(generation)), `seed ${seed}, round ${round}`).toBe(true);
  }
  const next = generationOf(output) + 1;
  const { status, stderr } = spawnSync(process.execPath, [program, directory, `${next}`], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(readFileSync(output).equals(contentOf(next))).toBe(true);
  expect(readdirSync(directory).sort()).toEqual(["lib.so", "state"]);
  const kept = readdirSync(join(directory, "state")).filter((name) => !name.endsWith(".spare"));
  expect(kept).toEqual(["lib.state"]);
  // Not all of them began anew: each process updates at the latest what it has made itself.
  expect((methods.get("spare") ?? 0) + (methods.get("clone") ?? 0) + (methods.get("copy") ?? 0)).toBeGreaterThanOrEqual(
    50,
  );
});
