/**
 * `npm run bench`: every figure that binaryfs aims at, measured side by side with its peers.
 * A measure that fails is told and does not keep the others from being taken. Exit status 1 where one failed; a figure that is missed is no failure.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { build } from "../scripts/build.mjs";
import { bold, count, dim, print, printError, red, size } from "../scripts/lib/terminal.mjs";
import { setup } from "../scripts/setup.mjs";
import { allCorpora, series } from "./corpora/corpora.mjs";
import { flatness } from "./lib/flatness.mjs";
import { machine } from "./lib/machine.mjs";
import { killChildren } from "./lib/measure-process.mjs";
import { parse, usage } from "./lib/options.mjs";
import { ms, printChecks, printFinding } from "./lib/report.mjs";
import { cold } from "./measures/cold.mjs";
import { disk } from "./measures/disk.mjs";
import { oneEdit } from "./measures/one-edit.mjs";
import { sizes } from "./measures/sizes.mjs";
import { unchanged } from "./measures/unchanged.mjs";
import { watching } from "./measures/watch.mjs";

/** @typedef {import("./lib/options.mjs").Options} Options */
/** @typedef {{ tree: string, files: number, measure: string, checks: readonly import("./lib/checks.mjs").Check[], data?: unknown, error?: string }} Result */

const measures = [cold, unchanged, oneEdit, watching, disk, sizes];

/** @param {readonly string[]} args */
async function main(args) {
  const options = parse(args);
  if (options === undefined) {
    printError(usage);
    return 2;
  }
  if (options.isList) {
    for (const { name, isLarge } of allCorpora()) print(isLarge ? `${name} ${dim("(--large)")}` : name);
    return 0;
  }
  const wanted = chosen(options);
  if (wanted.unknown.length > 0) {
    printError(`not known: ${wanted.unknown.join(", ")}\n${usage}`);
    return 2;
  }
  if (!(await setup(["build", "bench"])) || (options.builds && !(await build()))) return 1;
  mkdirSync(options.cache, { recursive: true });
  const scratch = mkdtempSync(`${options.cache}/run-`);
  removeAtEnd(scratch);
  const results = await measureAll(options, wanted, scratch);
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}

/** What is to be measured, on which trees, and names that are neither. @param {Options} options */
function chosen({ only, files, trees, isLarge }) {
  const all = allCorpora();
  const corpora = [
    ...(files ?? []).map(series),
    ...all.filter(({ name }) => trees?.includes(name)),
    ...(files === undefined && trees === undefined ? all.filter((plan) => isLarge || !plan.isLarge) : []),
  ];
  const unknown = [
    ...(trees ?? []).filter((tree) => all.every(({ name }) => name !== tree)),
    ...(only ?? []).filter((measure) => measures.every(({ name }) => name !== measure)),
  ];
  return { corpora, measures: measures.filter(({ name }) => only?.includes(name) ?? true), unknown };
}

/** @param {Options} options @param {ReturnType<typeof chosen>} wanted @param {string} scratch */
async function measureAll(options, wanted, scratch) {
  const about = await machine(scratch);
  print(`${about.cpu}, ${about.cores} cores, Linux ${about.kernel}, Node ${about.node}, ${about.fileSystem}`);
  /** @type {Result[]} */
  const results = [];
  for (const plan of wanted.corpora) {
    const corpus = await prepared(plan, options.cache);
    if (typeof corpus === "string") {
      results.push({ tree: plan.name, files: 0, measure: "generation", checks: [], error: corpus });
      continue;
    }
    const { name, files, directories, bytes } = corpus;
    const rounds = options.runs ?? (files < 50_000 ? 7 : files < 200_000 ? 5 : 3);
    print(
      `\n${bold(name)}: ${count(files)} files, ${count(directories)} directories, ${size(bytes)}; ${rounds} rounds`,
    );
    for (const measure of wanted.measures.filter(({ suits }) => suits(corpus))) {
      const own = mkdtempSync(`${scratch}/${measure.name}-`);
      const context = { corpus, scratch: own, rounds, repetitions: options.repetitions };
      results.push({ tree: name, files, measure: measure.name, ...(await attempt(measure, context)) });
      rmSync(own, { recursive: true, force: true });
      write(options.json, { machine: about, flatness: flatness(watched(results)), results });
    }
  }
  conclude(results, options);
  return results;
}

/** @param {import("./measures/measure.mjs").Measure} measure @param {import("./measures/measure.mjs").Context} context */
async function attempt(measure, context) {
  const started = performance.now();
  try {
    const finding = await measure.measure(context);
    printFinding(`${measure.title} ${dim(`(measured in ${ms(performance.now() - started)})`)}`, finding);
    return { checks: finding.checks, data: finding.data };
  } catch (error) {
    return { checks: [], error: failed(measure.title, error) };
  }
}

/** The tree, or why there is none. @param {import("./corpora/corpora.mjs").Plan} plan @param {string} cache */
async function prepared(plan, cache) {
  try {
    return await plan.prepare(cache);
  } catch (error) {
    return failed(plan.name, error);
  }
}

/** @param {string} title @param {unknown} error */
function failed(title, error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  print(`\n  ${bold(title)}\n    ${red("failed")}: ${text}`);
  return text;
}

/** @param {readonly Result[]} results @returns {import("./lib/flatness.mjs").Watched[]} */
const watched = (results) =>
  results
    .filter(({ measure, tree, data }) => measure === watching.name && tree.startsWith("files-") && data !== undefined)
    .map(({ files, data }) => ({
      files,
      saves: /** @type {import("./lib/flatness.mjs").Watched} */ (data).saves,
    }));

/** @param {readonly Result[]} results @param {Options} options */
function conclude(results, { json, cache }) {
  const flat = flatness(watched(results));
  if (flat.length > 0) print(`\n${bold("watch, large tree to small")}`);
  printChecks(flat);
  const all = [
    ...results.flatMap(({ tree, checks }) => checks.map((check) => ({ tree, check }))),
    ...flat.map((check) => ({ tree: "", check })),
  ];
  const missed = all.filter(({ check }) => !check.met);
  const failed = results.filter(({ error }) => error !== undefined);
  print(`\n${bold(`${all.length - missed.length} of ${all.length} figures met`)}`);
  for (const { tree, check } of missed) print(`  ${red("missed")} ${tree} ${check.what}`);
  for (const { tree, measure } of failed) print(`  ${red("failed")} ${tree} ${measure}`);
  print(dim(`results: ${json}\ngenerated trees are kept in ${cache}`));
}

/** @param {string} path @param {unknown} results */
function write(path, results) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
}

/** However this process ends, but for SIGKILL. @param {string} scratch */
function removeAtEnd(scratch) {
  process.once("exit", () => {
    killChildren();
    rmSync(scratch, { recursive: true, force: true });
  });
  for (const [signal, status] of /** @type {const} */ ([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ]))
    process.once(signal, () => process.exit(status));
}

process.exitCode = await main(process.argv.slice(2));
