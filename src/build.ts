/** The pipeline: select → plan → serialize → link. Imports every stage, and reads as their table of contents. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "./errors.js";
import { SEGMENT_BYTES } from "./image/constants.js";
import { libraryDigest } from "./inspect/library-digest.js";
import { ARCHIVE_NAME, ASSEMBLY_NAME, BLOB_NAME, blobAssembly, checkGccLimit, cSource } from "./link/artefacts.js";
import { NATIVE_HEAD_BYTES, nativeHead } from "./link/native.js";
import type { ImageIdentity } from "./link/note.js";
import { openLibrary } from "./link/read-library.js";
import type { LayoutName, Tree, Warning } from "./model.js";
import { planCompact } from "./plan/compact.js";
import type { Plan } from "./plan/plan.js";
import { readRuntimeFile } from "./runtime-files.js";
import { componentsOf, joinPath, normalize, type PathLike, toBytes, toLatin1 } from "./select/paths.js";
import { type SelectOptions, select } from "./select/select.js";
import { workingDirectory } from "./select/working-directory.js";
import { OutputFile, unwritable } from "./serialize/output-file.js";
import { outputPlace } from "./serialize/output-place.js";
import { writeBytes } from "./serialize/run-batch.js";
import { serialize } from "./serialize/serialize.js";
import { type Stage, StageTimer } from "./serialize/stage-timer.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "./serialize/temporaries.js";

export interface Progress {
  readonly stage: Stage;
  readonly done: number;
  /** 0 while it is unknown. */
  readonly total: number;
  readonly unit: "files" | "bytes";
}

export interface BuildOptions extends Omit<SelectOptions, "outputs" | "onProgress"> {
  /** `build`: the library. `pack`: the directory of the three artefacts, or a file that ends in `.c`. */
  readonly output: PathLike;
  /** Default: compact, the only one so far. */
  readonly layout?: LayoutName;
  /** Default: native, which needs no compiler. */
  readonly linker?: "native" | "gcc";
  /** Compiler command of the gcc linker. Default: `gcc`. */
  readonly cc?: string;
  /** Seconds since the epoch (0 … 2⁵³ − 1) for the superblock: SOURCE_DATE_EPOCH. Default: 0. */
  readonly buildTime?: number;
  /** Threads that read, hash and write. The bytes never depend on it. */
  readonly threads?: number;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface BuildReport {
  readonly output: Buffer;
  /** Library digest, 64 hex digits (docs/format.md section 3); artefacts are no library yet and have none. */
  readonly digest?: string;
  /** 32 bytes (docs/format.md 1.3). */
  readonly merkleRoot: Buffer;
  /** Names in the image that are no directories. */
  readonly files: number;
  readonly imageBytes: number;
  /** What of the image was written anew. */
  readonly emittedBytes: number;
  readonly segmentsEmitted: number;
  readonly segmentsTotal: number;
  readonly durationMs: number;
  readonly stages: Readonly<Partial<Record<Stage, number>>>;
  readonly warnings: readonly Warning[];
}

/**
 * Packs a directory tree into a library. The same tree and options give the same bytes. The output appears by rename, complete; on an
 * error nothing of it is touched and no temporary stays.
 *
 * Errors: those of `select`, `planCompact`, `serialize` and `OutputFile.create`; `bad-config` (a layout that does not exist),
 * `template-missing`; with `linker: "gcc"` those of `linkArtefacts`.
 */
export const build = (options: BuildOptions): Promise<Result<BuildReport>> =>
  twiceIfChanged(() => (options.linker === "gcc" ? buildWithCompiler(options) : buildNatively(options)));

/**
 * Makes what a compiler turns into a library: three artefacts in a directory (made if missing) or, for an output that ends in `.c`, that file
 * and its `.blob`. They appear once all are complete.
 *
 * Errors: as `build`, and `gcc-limit`.
 */
export const pack = (options: BuildOptions): Promise<Result<BuildReport>> => twiceIfChanged(() => packOnce(options));

/** A tree that changes under the build gets a second chance: most changes are over by then. */
async function twiceIfChanged(attempt: () => Promise<Result<BuildReport>>): Promise<Result<BuildReport>> {
  const first = await attempt();
  return !first.ok && first.error.code === "input-changed" ? attempt() : first;
}

async function buildNatively(options: BuildOptions): Promise<Result<BuildReport>> {
  const timer = new StageTimer();
  const output = absolute(options.output);
  const template = await readRuntimeFile("template.so");
  if (!template.ok) return template;
  const place = outputPlace(output);
  if (!place.ok) return place;
  const planned = selectAndPlan(options, [output, place.value], timer);
  if (!planned.ok) return planned;
  const file = OutputFile.create(output, 0o755);
  if (!file.ok) return file;
  try {
    // The layout is fixed from here on.
    const target = { fd: file.value.fd, offset: NATIVE_HEAD_BYTES };
    const image = await emit(planned.value.plan, target, options, timer);
    if (!image.ok) return withOutput(image.error, output);
    timer.start("link");
    const head = nativeHead(template.value, image.value);
    const published = finish([file.value], [[file.value, head]]);
    if (!published.ok) return published;
    const digest = createHash("sha256").update(head).update(image.value.merkleRoot).digest("hex");
    return ok({ ...reportOf(output, planned.value, image.value, timer), digest });
  } finally {
    file.value.discard();
  }
}

async function buildWithCompiler(options: BuildOptions): Promise<Result<BuildReport>> {
  const output = absolute(options.output);
  const place = outputPlace(output);
  if (!place.ok) return place;
  const directory = temporaryPath(place.value);
  try {
    sweepTemporaries(place.value);
    mkdirSync(directory);
    trackTemporary(directory);
  } catch (cause) {
    return unwritable(output, cause);
  }
  try {
    const packed = await packInto(options, directory, [output, place.value]);
    if (!packed.ok) return packed;
    const started = performance.now();
    // Loaded here alone: the native path needs no compiler, and would pay for starting one's library.
    const { linkArtefacts } = await import("./link/compile.js");
    const linked = await linkArtefacts({
      directory: directory.toString(),
      output: place.value.toString(),
      ...(options.cc !== undefined && { cc: options.cc }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    if (!linked.ok) return linked;
    const digest = digestOf(output, packed.value.merkleRoot);
    if (!digest.ok) return digest;
    const linkMs = performance.now() - started;
    const stages = { ...packed.value.stages, link: (packed.value.stages.link ?? 0) + linkMs };
    return ok({ ...packed.value, output, digest: digest.value, stages, durationMs: packed.value.durationMs + linkMs });
  } finally {
    untrackTemporary(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

function digestOf(output: Buffer, merkleRoot: Buffer): Result<string> {
  const library = openLibrary(output);
  if (!library.ok) return library;
  try {
    return libraryDigest(library.value, merkleRoot);
  } finally {
    library.value.close();
  }
}

async function packOnce(options: BuildOptions): Promise<Result<BuildReport>> {
  const output = absolute(options.output);
  if (output.toString("latin1").endsWith(".c")) return packSource(options, output);
  // A directory that holds artefacts alone is an output as a whole; in another one the artefacts are.
  return packInto(options, output, holdsArtefactsAlone(output) ? [output] : []);
}

function holdsArtefactsAlone(directory: Buffer): boolean {
  const artefacts = [BLOB_NAME, ARCHIVE_NAME, ASSEMBLY_NAME];
  const isOwn = (name: string): boolean =>
    artefacts.some((own) => name === own || name.startsWith(`.${own}.binaryfs-`));
  try {
    return readdirSync(directory, "latin1").every(isOwn);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOENT";
  }
}

async function packInto(
  options: BuildOptions,
  directory: Buffer,
  otherOutputs: readonly Buffer[],
): Promise<Result<BuildReport>> {
  const archive = await readRuntimeFile("libbinary_fs_template.a");
  if (!archive.ok) return archive;
  const inDirectory = (name: string): Buffer => toBytes(joinPath(directory.toString("latin1"), name));
  const outputs = [BLOB_NAME, ARCHIVE_NAME, ASSEMBLY_NAME].map(inDirectory);
  return writeArtefacts(options, directory, outputs, otherOutputs, (image) => [
    archive.value,
    Buffer.from(blobAssembly(image)),
  ]);
}

async function packSource(options: BuildOptions, output: Buffer): Promise<Result<BuildReport>> {
  const runtime = await readRuntimeFile("binaryfs.s");
  if (!runtime.ok) return runtime;
  const blob = toBytes(output.toString("latin1").replace(/\.c$/, ".blob"));
  const nameOf = (path: Buffer): string =>
    Buffer.from(componentsOf(path.toString("latin1")).at(-1) ?? "", "latin1").toString();
  return writeArtefacts(options, output, [blob, output], [], (image) => [
    Buffer.from(cSource(image, nameOf(blob), nameOf(output), runtime.value.toString())),
  ]);
}

/** The blob is the first of the outputs; `textsFor` gives the contents of the others. */
async function writeArtefacts(
  options: BuildOptions,
  output: Buffer,
  outputs: readonly Buffer[],
  otherOutputs: readonly Buffer[],
  textsFor: (image: ImageIdentity) => Buffer[],
): Promise<Result<BuildReport>> {
  const timer = new StageTimer();
  const planned = selectAndPlan(options, [...outputs, ...otherOutputs], timer);
  if (!planned.ok) return planned;
  const { plan } = planned.value;
  const limit = checkGccLimit(plan.sizeBytes);
  if (!limit.ok) return limit;
  if (!output.toString("latin1").endsWith(".c")) {
    try {
      mkdirSync(output, { recursive: true });
    } catch (cause) {
      return unwritable(output, cause);
    }
  }
  const files = OutputFile.createAll(outputs, 0o644);
  if (!files.ok) return files;
  const [blob, ...others] = files.value;
  try {
    const image = await emit(plan, { fd: (blob as OutputFile).fd, offset: 0 }, options, timer);
    if (!image.ok) return withOutput(image.error, output);
    timer.start("link");
    const texts = textsFor(image.value);
    const published = finish(
      files.value,
      others.map((file, index) => [file, texts[index] as Buffer]),
    );
    if (!published.ok) return published;
    return ok(reportOf(output, planned.value, image.value, timer));
  } finally {
    for (const file of files.value) file.discard();
  }
}

interface Planned {
  readonly tree: Tree;
  readonly plan: Plan;
}

function selectAndPlan(options: BuildOptions, outputs: readonly Buffer[], timer: StageTimer): Result<Planned> {
  if ((options.layout ?? "compact") !== "compact") return fail("bad-config", { detail: `layout ${options.layout}` });
  timer.start("select");
  const onProgress = (done: number): void => options.onProgress?.({ stage: "select", done, total: 0, unit: "files" });
  const tree = select({ ...options, outputs, onProgress });
  if (!tree.ok) return tree;
  timer.start("plan");
  const plan = planCompact(tree.value, options.buildTime ?? 0);
  return plan.ok ? ok({ tree: tree.value, plan: plan.value }) : plan;
}

async function emit(
  plan: Plan,
  target: Parameters<typeof serialize>[1],
  options: BuildOptions,
  timer: StageTimer,
): Promise<Result<ImageIdentity>> {
  timer.start("serialize");
  const merkleRoot = await serialize(plan, target, {
    ...(options.threads !== undefined && { threads: options.threads }),
    ...(options.signal !== undefined && { signal: options.signal }),
    onProgress: (done, total) => options.onProgress?.({ stage: "serialize", done, total, unit: "bytes" }),
  });
  return merkleRoot.ok ? ok({ sizeBytes: plan.sizeBytes, merkleRoot: merkleRoot.value }) : merkleRoot;
}

/** Writing knows a descriptor alone: names what it belongs to. */
function withOutput(error: BinaryfsError, output: Buffer): Result<never> {
  const isAboutOutput = error.path === undefined && (error.code === "no-space" || error.code === "io");
  return { ok: false, error: isAboutOutput ? { ...error, path: output } : error };
}

/** Writes what stands at the beginning of files, then gives all of them their names. */
function finish(files: readonly OutputFile[], contents: readonly (readonly [OutputFile, Buffer])[]): Result<void> {
  for (const [file, bytes] of contents) {
    const written = writeBytes(bytes, 0, { fd: file.fd, offset: 0 });
    if (!written.ok) return withOutput(written.error, file.output);
  }
  for (const file of files) {
    const published = file.publish();
    if (!published.ok) return published;
  }
  return ok(undefined);
}

function reportOf(output: Buffer, { tree, plan }: Planned, image: ImageIdentity, timer: StageTimer): BuildReport {
  const segments = Math.ceil(plan.sizeBytes / SEGMENT_BYTES);
  return {
    output,
    merkleRoot: image.merkleRoot,
    files: tree.fileCount,
    imageBytes: plan.sizeBytes,
    emittedBytes: plan.sizeBytes,
    segmentsEmitted: segments,
    segmentsTotal: segments,
    ...timer.finish(),
    warnings: tree.warnings,
  };
}

/** Host path from the current directory. A trailing slash is no name. */
function absolute(path: PathLike): Buffer {
  const text = toLatin1(path);
  return toBytes(normalize(text.startsWith("/") ? text : joinPath(workingDirectory(), text)).path);
}
