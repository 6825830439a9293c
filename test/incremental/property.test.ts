/**
 * After whatever edits, builds and accidents: the library equals that of a clean build, byte for byte.
 *
 * The long run is `BINARYFS_PROPERTY_RUNS=10000 npx vitest run test/incremental/property.test.ts`; `BINARYFS_PROPERTY_SEED=N` repeats one.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryScenario, live, newStatistics } from "./scenario.js";

const RUNS = Number(process.env["BINARYFS_PROPERTY_RUNS"] ?? 40);
const SEED = process.env["BINARYFS_PROPERTY_SEED"];
const PROGRESS_RUNS = 100;

/** Seeds that once failed: tried first in every run. A new failure is added by itself. */
const SEEDS = join(import.meta.dirname, "failing-seeds.json");
interface FailingSeed {
  readonly seed: number;
  readonly path: string;
}
const failingSeeds = JSON.parse(readFileSync(SEEDS, "utf8")) as readonly FailingSeed[];

test(
  `${RUNS} random sequences of edits, builds and accidents: the incremental library is the clean one`,
  async () => {
    const statistics = newStatistics();
    let lives = 0;
    const property = (counts: boolean) =>
      fc.asyncProperty(arbitraryScenario, async (scenario) => {
        await live(scenario, statistics);
        if (!counts || ++lives % PROGRESS_RUNS !== 0 || RUNS <= PROGRESS_RUNS) return;
        process.stdout.write(
          `${lives} of ${RUNS} sequences, ${statistics.builds} builds, ${statistics.comparisons} compared\n`,
        );
      });
    for (const { seed, path } of failingSeeds) await fc.assert(property(false), { seed, path, endOnFailure: true });
    const result = await fc.check(property(true), {
      numRuns: RUNS,
      ...(SEED !== undefined && { seed: Number(SEED) }),
      // Shrinking builds again and again: the first minutes of it bring nearly all. The runs themselves are never to get there, on whatever busy machine.
      interruptAfterTimeLimit: 300_000 + RUNS * 30_000,
    });
    if (result.failed && result.counterexamplePath !== null) {
      const failed = { seed: result.seed, path: result.counterexamplePath };
      writeFileSync(SEEDS, `${JSON.stringify([...failingSeeds, failed], null, 2)}\n`);
    }
    if (result.failed) {
      const message = fc.defaultReportMessage(result) ?? "failed";
      throw new Error(`${message}\n${String(result.errorInstance)}`, { cause: result.errorInstance });
    }
    if (RUNS > PROGRESS_RUNS) {
      const { methods, ...counts } = statistics;
      process.stdout.write(`seed ${result.seed}: ${JSON.stringify({ ...counts, ...Object.fromEntries(methods) })}\n`);
    }
    expect(result.numRuns).toBe(RUNS);
    expect(statistics.comparisons).toBeGreaterThanOrEqual(RUNS);
  },
  900_000 + RUNS * 32_000,
);
