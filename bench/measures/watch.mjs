/** Watching: how soon it is ready, what it holds in memory, and how soon a save is published. */
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sizeCheck, timeCheck } from "../lib/checks.mjs";
import { withEdits } from "../lib/edited.mjs";
import { bytes, ms } from "../lib/report.mjs";
import { median, summary } from "../lib/statistics.mjs";
import { WatchProcess } from "../lib/watch-process.mjs";
import { judgedAt, saves } from "./saves.mjs";

const readyLimitMs = 2000;
const memoryLimit = 250e6;

const readyTimeoutMs = 180_000;
const saveTimeoutMs = 20_000;
/** Between two saves: people do not save faster, and what `watch` does at rest is under way or done. */
const pauseMs = 150;
const directoryRepetitions = 10;
/** A kind of save that was missed so often is given up. */
const mostMissed = 3;

/** @typedef {{ published: number[], renamed: number[], missed: number }} Latencies milliseconds */

/** @type {import("./measure.mjs").Measure} */
export const watching = {
  name: "watch",
  title: "watch",
  suits: ({ generated, files }) => generated !== undefined && files <= 200_000,
  measure: ({ corpus, scratch, rounds, repetitions }) =>
    withEdits(corpus, async (edits) => {
      const paths = { root: corpus.root, output: `${scratch}/library/output.so`, state: `${scratch}/state` };
      const cold = await starts(paths, rounds, true);
      const warm = await starts(paths, rounds, false);
      const watch = new WatchProcess(paths);
      try {
        const ready = await isReady(watch);
        const latencies = await measureSaves(watch, edits, ready.files ?? 0, repetitions);
        return finding(corpus.files, cold, warm, latencies, watch);
      } finally {
        await watch.stop();
      }
    }),
};

/** @param {WatchProcess} watch */
async function isReady(watch) {
  const seen = await watch.next(0, ({ event }) => event === "ready", readyTimeoutMs);
  if (seen === undefined) throw new Error(`watch was not ready after ${ms(readyTimeoutMs)}`);
  return { ...seen.event, milliseconds: seen.at - watch.startedAt };
}

/**
 * @param {{ root: string, output: string, state: string }} paths
 * @param {number} rounds
 * @param {boolean} isCold without a library and a state from before
 */
async function starts(paths, rounds, isCold) {
  const times = [];
  const resident = [];
  let backend = "";
  for (let round = 0; round < rounds; round++) {
    if (isCold) {
      rmSync(dirname(paths.output), { recursive: true, force: true });
      rmSync(paths.state, { recursive: true, force: true });
      mkdirSync(dirname(paths.output));
    }
    const watch = new WatchProcess(paths);
    try {
      const ready = await isReady(watch);
      backend = `${ready.backend}, ${ready.directories} directories`;
      times.push(ready.milliseconds);
      resident.push(watch.memory.residentBytes ?? Number.NaN);
    } finally {
      await watch.stop();
    }
  }
  return { times, resident, backend };
}

/**
 * @param {WatchProcess} watch
 * @param {import("../lib/edits.mjs").Edits} edits
 * @param {number} filesAtStart
 * @param {number} repetitions
 */
async function measureSaves(watch, edits, filesAtStart, repetitions) {
  /** @type {Map<string, Latencies>} */
  const all = new Map(saves.map(({ name }) => [name, { published: [], renamed: [], missed: 0 }]));
  let files = filesAtStart;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const { name, edit, isDirectory } of saves) {
      const latencies = all.get(name);
      if (latencies === undefined || latencies.missed >= mostMissed) continue;
      if (isDirectory && repetition >= directoryRepetitions) continue;
      await sleep(pauseMs);
      await watch.quiet(pauseMs);
      const eventsBefore = watch.events.length;
      const renamesBefore = watch.renames.length;
      const done = edit(edits);
      if (done === undefined) continue;
      const { doneAt, path } = done;
      files += done.files;
      // What was removed or renamed away may be published first: it counts when the library has all of it.
      const seen = await watch.next(
        eventsBefore,
        ({ event, files: published, changed = [] }) =>
          event === "published" && published === files && changed.some((one) => one.startsWith(path)),
        saveTimeoutMs,
      );
      if (seen === undefined) latencies.missed++;
      else latencies.published.push(seen.at - doneAt);
      const renamed = watch.renames.slice(renamesBefore).findLast((at) => seen !== undefined && at <= seen.at);
      if (renamed !== undefined) latencies.renamed.push(renamed - doneAt);
    }
  }
  return all;
}

/**
 * @param {number} files
 * @param {{ times: number[], resident: number[], backend: string }} cold
 * @param {{ times: number[], resident: number[], backend: string }} warm
 * @param {Map<string, Latencies>} latencies
 * @param {WatchProcess} watch
 * @returns {import("../lib/report.mjs").Finding}
 */
function finding(files, cold, warm, latencies, watch) {
  const { residentBytes, peakBytes } = watch.memory;
  const figures = saves.map((save) => {
    const { published = [], renamed = [], missed = 0 } = latencies.get(save.name) ?? {};
    return { ...save, published: summary(published), renamed: summary(renamed), missed };
  });
  const checks =
    files < judgedAt
      ? []
      : [
          timeCheck("ready, nothing from before", median(cold.times), readyLimitMs),
          timeCheck("ready, library and state there", median(warm.times), readyLimitMs),
          sizeCheck("resident when ready, nothing from before", median(cold.resident), memoryLimit),
          sizeCheck("resident when ready, library and state there", median(warm.resident), memoryLimit),
        ];
  for (const { name, p50, p99, published } of files === judgedAt ? figures : []) {
    if (p50 !== undefined) checks.push(timeCheck(`${name}, p50`, published.p50, p50));
    if (p99 !== undefined) checks.push(timeCheck(`${name}, p99`, published.p99, p99));
  }
  const missed = figures.filter((figure) => figure.missed > 0);
  return {
    columns: ["", "samples", "p50", "p99", "fastest", "rename seen, p50"],
    rows: [
      ["ready, nothing from before", `${cold.times.length}`, ms(median(cold.times)), "", ms(Math.min(...cold.times))],
      [
        "ready, library and state there",
        `${warm.times.length}`,
        ms(median(warm.times)),
        "",
        ms(Math.min(...warm.times)),
      ],
      ...figures.map(({ name, published, renamed }) => [
        name,
        `${published.samples}`,
        ms(published.p50),
        ms(published.p99),
        ms(published.min),
        ms(renamed.p50),
      ]),
    ],
    checks,
    notes: [
      `resident when ready ${bytes(median(cold.resident))} (nothing from before), ${bytes(median(warm.resident))}; after all saves ${bytes(residentBytes)}, at most ${bytes(peakBytes)}; ${warm.backend}`,
      ...missed.map(({ name, missed }) => `${name}: ${missed} saves were not published within ${ms(saveTimeoutMs)}`),
      ...[...new Set(watch.errors)].slice(0, 3).map((error) => `watch reported ${error}`),
    ],
    data: {
      ready: { cold: summary(cold.times), warm: summary(warm.times), backend: warm.backend },
      residentBytes: {
        cold: median(cold.resident),
        warm: median(warm.resident),
        afterSaves: residentBytes,
        peak: peakBytes,
      },
      saves: figures.map(({ name, published, renamed, missed }) => ({ name, published, renamed, missed })),
      errors: watch.errors,
    },
  };
}
