/** What a compiler turns into a library, and the library that it makes of them. */

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { libraryDigest } from "../inspect/library-digest.js";
import { ARCHIVE_NAME, ASSEMBLY_NAME, BLOB_NAME, blobAssembly, checkGccLimit, cSource } from "../link/artefacts.js";
import type { ImageIdentity } from "../link/note.js";
import { openLibrary } from "../link/read-library.js";
import { OutputFile, unwritable } from "../publish/output-file.js";
import { outputPlace } from "../publish/output-place.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "../publish/temporaries.js";
import { readRuntimeFile } from "../runtime-files.js";
import { componentsOf, joinPath, toBytes } from "../select/paths.js";
import { absolute, type BuildOptions, type BuildReport, mistakeIn } from "./options.js";
import { StageTimer } from "./stage-timer.js";
import { emitImage, finishFiles, freshReport, planTree, selectTree, withOutput } from "./stages.js";

/** The three artefacts in a directory or, for an output that ends in `.c`, that file and its blob. */
export async function packOnce(options: BuildOptions): Promise<Result<BuildReport>> {
  const mistake = mistakeIn(options);
  if (mistake !== undefined) return fail("bad-config", { detail: mistake });
  if (options.remoteCache !== undefined) return fail("bad-config", { detail: "a remote cache holds no artefacts" });
  const output = absolute(options.output);
  if (output.toString("latin1").endsWith(".c")) return packSource(options, output);
  // A directory that holds artefacts alone is an output as a whole; in another one the artefacts are.
  return packInto(options, output, holdsArtefactsAlone(output) ? [output] : []);
}

/** Errors: as `packOnce`, and those of `linkArtefacts`. */
export async function buildWithCompiler(options: BuildOptions): Promise<Result<BuildReport>> {
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
    const { linkArtefacts } = await import("../link/compile.js");
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
  const tree = selectTree(options, [...outputs, ...otherOutputs], timer);
  if (!tree.ok) return tree;
  const plan = planTree(tree.value, { ...options, layout: options.layout ?? "compact" }, timer);
  if (!plan.ok) return plan;
  const limit = checkGccLimit(plan.value.sizeBytes);
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
    const image = await emitImage(plan.value, { fd: (blob as OutputFile).fd, offset: 0 }, options, timer);
    if (!image.ok) return withOutput(image.error, output);
    timer.start("link");
    const texts = textsFor(image.value);
    const published = finishFiles(
      files.value,
      others.map((file, index) => [file, texts[index] as Buffer]),
    );
    if (!published.ok) return published;
    return ok({ ...freshReport(output, tree.value, plan.value, image.value), ...timer.finish() });
  } finally {
    for (const file of files.value) file.discard();
  }
}
