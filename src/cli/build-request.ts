/** From options to the engine and back to what people and scripts read: shared by `build`, `pack`, `watch` and SCONE's form. */

import { build, pack } from "../build.js";
import type { BuildOptions, BuildReport } from "../engine/options.js";
import { fail, ok, type Result } from "../errors.js";
import type { MtimePolicy } from "../model.js";
import { loadConfig } from "./config.js";
import { onInterruption } from "./interruption.js";
import { escapePath, printError, type StandardOutput } from "./output.js";
import type { ParsedOption } from "./parse-options.js";
import { ProgressLine } from "./progress.js";
import { toBytes, toText } from "./raw-arguments.js";
import { remoteCacheOf } from "./remote-options.js";
import { describeReport, reportFields } from "./report.js";
import { expandSelectionFiles, parseVolume } from "./selection.js";
import { describeWait, describeWarnings, jsonWarning } from "./wording.js";

export interface BuildRequest {
  readonly form: "library" | "artefacts";
  readonly root: string | undefined;
  readonly output: string | undefined;
  readonly options: readonly ParsedOption[];
  readonly out: StandardOutput;
  readonly verbosity: number;
  readonly isJson: boolean;
  /** What selected secrets are. */
  readonly secrets: "error" | "warn";
}

/** @returns the exit status */
export async function runBuild(request: BuildRequest): Promise<Result<number>> {
  const engineOptions = await engineOptionsOf(request);
  if (!engineOptions.ok) return engineOptions;
  const progress = new ProgressLine(!request.isJson);
  const interruption = new AbortController();
  const stopWaiting = onInterruption(() => interruption.abort());
  const engine = request.form === "library" ? build : pack;
  const report = await engine({
    ...engineOptions.value,
    signal: interruption.signal,
    onProgress: (step) => progress.update(step),
  });
  progress.clear();
  stopWaiting();
  if (!report.ok) return report;
  await printReport(request, report.value);
  return ok(0);
}

export async function engineOptionsOf(request: BuildRequest): Promise<Result<BuildOptions>> {
  // SCONE's form knows no configuration file.
  const isScone = request.secrets === "warn";
  const named = request.options.filter(({ name }) => name === "config").at(-1)?.value;
  const config = isScone
    ? ok({ root: undefined, output: undefined, options: [] })
    : await loadConfig(named === undefined ? undefined : toText(named));
  if (!config.ok) return config;
  // Rules of the configuration come first: later ones win, and so do later values.
  const options = expandSelectionFiles([...config.value.options, ...request.options]);
  if (!options.ok) return options;
  const all = (name: string) => options.value.filter((option) => option.name === name).map(({ value }) => value);
  const last = (name: string) => all(name).at(-1);

  const output = request.output ?? config.value.output;
  if (output === undefined) return fail("usage", { detail: "name the output with -o" });
  if (request.root === "") return fail("usage", { detail: "ROOT is empty" });
  if (output === "") return fail("usage", { detail: "OUTPUT is empty" });
  const specials = oneOf("specials", last("specials"), ["skip", "keep"]);
  if (!specials.ok) return specials;
  const owner = oneOf("owner", last("owner"), ["keep", "root"]);
  if (!owner.ok) return owner;
  const layout = oneOf("layout", last("layout"), ["compact", "stable"]);
  if (!layout.ok) return layout;
  const state = stateOf(options.value);
  const linker = oneOf("linker", last("linker"), ["native", "gcc"]);
  if (!linker.ok) return linker;
  if (linker.value !== "gcc" && request.options.some(({ name }) => name === "cc")) {
    return fail("usage", { detail: "--cc needs --linker gcc: the native linker calls no compiler" });
  }
  const remoteCache = remoteCacheOf(request, options.value, linker.value);
  if (!remoteCache.ok) return remoteCache;
  const epoch = sourceDateEpoch();
  if (!epoch.ok) return epoch;
  const mtime = mtimePolicy(last("mtime"), epoch.value);
  if (!mtime.ok) return mtime;
  const volumes = [];
  for (const value of all("volume")) {
    const volume = parseVolume(value);
    if (!volume.ok) return volume;
    volumes.push(volume.value);
  }
  return ok({
    root: toBytes(request.root ?? config.value.root ?? "."),
    output: toBytes(output),
    rules: options.value.flatMap(({ name, value }) =>
      name === "include" || name === "exclude" ? [{ kind: name, pattern: toBytes(value) }] : [],
    ),
    ignoreFiles: all("ignore-file").map(toBytes),
    hostPaths: all("host-path").map(toBytes),
    volumes,
    preserveSymlinks: all("preserve-symbolic-links").length > 0,
    strict: all("strict").length > 0,
    specials: specials.value ?? "skip",
    xattrs: all("xattrs").map(toBytes),
    mtime: mtime.value,
    owner: owner.value ?? "keep",
    sealed: all("sealed").length > 0,
    secrets: request.secrets,
    allowSecrets: all("allow-secrets").map(toBytes),
    ...(epoch.value !== undefined && { buildTime: epoch.value }),
    ...(layout.value !== undefined && { layout: layout.value }),
    ...(state !== undefined && { state }),
    onWait: (holder) => printError(describeWait(holder)),
    ...(remoteCache.value !== undefined && { remoteCache: remoteCache.value }),
    ...(linker.value !== undefined && { linker: linker.value }),
    ...(last("cc") !== undefined && { cc: toText(last("cc") ?? "") }),
  });
}

/** The last of `--state DIR` and `--no-state` decides. */
function stateOf(options: readonly ParsedOption[]): Buffer | false | undefined {
  const last = options.filter(({ name }) => name === "state" || name === "no-state").at(-1);
  if (last === undefined) return undefined;
  return last.name === "state" && toBytes(last.value);
}

function oneOf<T extends string>(name: string, value: string | undefined, words: readonly T[]): Result<T | undefined> {
  const found = words.find((word) => word === value);
  if (value === undefined || found !== undefined) return ok(found);
  return fail("usage", { detail: `--${name} takes ${words.join(" or ")}, not "${escapePath(toBytes(value))}"` });
}

const DIGITS = /^\d{1,12}$/;

function sourceDateEpoch(): Result<number | undefined> {
  const value = process.env["SOURCE_DATE_EPOCH"];
  if (value === undefined || value === "") return ok(undefined);
  return DIGITS.test(value)
    ? ok(Number(value))
    : fail("usage", { detail: `SOURCE_DATE_EPOCH is no number of seconds: "${value}"` });
}

function mtimePolicy(value: string | undefined, epoch: number | undefined): Result<MtimePolicy> {
  if (value === "keep" || (value === undefined && epoch === undefined)) return ok({ kind: "keep" });
  if (value === "clamp" || value === undefined) {
    if (epoch === undefined)
      return fail("usage", { detail: "--mtime clamp needs SOURCE_DATE_EPOCH in the environment" });
    return ok({ kind: "clamp", epochSeconds: epoch });
  }
  if (DIGITS.test(value)) return ok({ kind: "set", epochSeconds: Number(value) });
  return fail("usage", {
    detail: `--mtime takes keep, clamp or seconds since 1970, not "${escapePath(toBytes(value))}"`,
  });
}

async function printReport(request: BuildRequest, report: BuildReport): Promise<void> {
  for (const line of describeWarnings(report.warnings, request.verbosity > 0)) printError(line);
  if (request.isJson) {
    for (const warning of report.warnings) await request.out.json(jsonWarning(warning));
    await request.out.json({
      event: request.form === "library" ? "built" : "packed",
      ...reportFields(report, request.form === "library" ? "library" : "output"),
    });
    return;
  }
  await request.out.line(describeReport(report));
}
