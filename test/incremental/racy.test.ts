/** Contents that change without their stat records: files so young that a write leaves their time stamps as they are. A map that is written to makes such writes. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { Session } from "../../src/engine/session.js";
import { contentOf } from "../support/editing.js";
import { hasTool } from "../support/images.js";
import { built, differencesFromClean, makePlace, type Place, settleClock, unwrap } from "../support/incremental.js";

let place: Place;
let options: BuildOptions;
let file: string;
beforeEach(async () => {
  place = makePlace("racy");
  options = { root: place.root, output: place.output, state: place.state };
  file = join(place.root, "file");
  writeFileSync(file, "....");
  writeFileSync(join(place.root, "other"), "other");
  await settleClock();
});
afterEach(() => {
  vi.restoreAllMocks();
  place.remove();
});

const WRITER = `
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
    content[0:1] = b"-"
    print("ready", flush=True)
    for line in sys.stdin:
        content[0:1] = line.encode()[:1]
        print("done", flush=True)
`;

/** Writes to the file through a map: its pages are writable already, so no time stamp moves. */
async function mappedWriter() {
  const child = spawn("python3", ["-c", WRITER, file], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    async write(character: string): Promise<void> {
      child.stdin.write(`${character}\n`);
      await lines.next();
    },
    async end(): Promise<void> {
      const exited = once(child, "exit");
      child.stdin.end();
      await exited;
    },
  };
}

const stamp = (): bigint => statSync(file, { bigint: true }).ctimeNs;
/** Makes the file too young for its record to mean anything until `growOld`: whenever a scan comes, its clock stands still. */
function rejuvenate(): void {
  utimesSync(file, 1, 1);
  vi.spyOn(Date, "now").mockReturnValue(Number(stamp() / 1_000_000n));
}
async function growOld(): Promise<void> {
  vi.restoreAllMocks();
  await settleClock();
}

test("a compact library settles young files like a stable one", async () => {
  options = { ...options, layout: "compact" };
  await built(options);
  rejuvenate();
  await built(options);
  await growOld();
  await built(options);
  expect((await built(options)).upToDate).toBe(true);
});

test.runIf(hasTool("python3"))(
  "a young file is looked at also when what decides the selection has changed",
  async () => {
    const writer = await mappedWriter();
    try {
      rejuvenate();
      const before = stamp();
      await built(options);
      await growOld();
      await writer.write("A");
      expect(stamp()).toBe(before);
      const others: BuildOptions = { ...options, owner: "root" };
      expect(await differencesFromClean(await built(others), place, others)).toEqual([]);
    } finally {
      await writer.end();
    }
  },
);

test.runIf(hasTool("python3"))("a young file that changed is looked at again after an update that failed", async () => {
  const writer = await mappedWriter();
  // So large that copying it for the successor notices the abort, after contents were compared.
  writeFileSync(join(place.root, "large"), contentOf(20_000_000, 1));
  const aborted: BuildOptions & { signal?: AbortSignal } = { ...options };
  const session = unwrap(await Session.open(aborted));
  try {
    rejuvenate();
    const before = stamp();
    unwrap(await session.update("all"));
    await growOld();
    await writer.write("A");
    expect(stamp()).toBe(before);
    aborted.signal = AbortSignal.abort();
    const failed = await session.update("all");
    expect(failed.ok ? "" : failed.error.code).toBe("interrupted");
    delete aborted.signal;
    const report = unwrap(await session.update("all"));
    expect(await differencesFromClean(report, place, options)).toEqual([]);
  } finally {
    await session.close();
    await writer.end();
  }
});
