/** A vitest reporter that writes counts, and why tests were skipped, to the file that BINARYFS_TEST_COUNTS names. */
import { writeFileSync } from "node:fs";

/** @typedef {{ passed: number, failed: number, skipped: { name: string, reason: string }[] }} Counts */

export default class CountReporter {
  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      // A file that could not be loaded has no test that fails: it counts as one.
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") counts.passed++;
        else if (result.state === "failed") counts.failed++;
        else
          counts.skipped.push({
            name: test.fullName,
            reason: ("note" in result && result.note) || "skipped by the test",
          });
      }
    }
    const file = process.env.BINARYFS_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }
}
