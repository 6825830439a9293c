/** The stages of a build from nothing, each with its options and its time. */

import { type BinaryfsError, ok, type Result } from "../errors.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import type { MerkleTree } from "../image/merkle.js";
import type { ImageIdentity } from "../link/note.js";
import { ROW, type Tree } from "../model.js";
import { planCompact } from "../plan/compact.js";
import type { Plan } from "../plan/plan.js";
import { planStable } from "../plan/stable.js";
import type { OutputFile } from "../publish/output-file.js";
import { toBytes, toLatin1 } from "../select/paths.js";
import { select } from "../select/select.js";
import { serialize } from "../serialize/serialize.js";
import { type Target, writeBytes } from "../serialize/target.js";
import { rowSize, rowType } from "../tree/row.js";
import type { BuildOptions, BuildReport } from "./options.js";
import type { StageTimer } from "./stage-timer.js";

export function selectTree(options: BuildOptions, outputs: readonly Buffer[], timer: StageTimer): Result<Tree> {
  timer.start("select");
  const onProgress = (done: number): void => options.onProgress?.({ stage: "select", done, total: 0, unit: "files" });
  return select({ ...options, outputs, onProgress });
}

export function planTree(tree: Tree, options: BuildOptions, timer: StageTimer): Result<Plan> {
  timer.start("plan");
  const buildTime = options.buildTime ?? 0;
  if ((options.layout ?? "stable") === "compact") return planCompact(tree, buildTime);
  return planStable(tree, stableOptions(options));
}

export const stableOptions = ({ buildTime, cuts }: BuildOptions) => ({
  buildTime: buildTime ?? 0,
  ...(cuts !== undefined && { cuts: cuts.map((cut) => toBytes(toLatin1(cut))) }),
});

export interface EmittedImage extends ImageIdentity {
  readonly merkle: MerkleTree;
}

export async function emitImage(
  plan: Plan,
  target: Target,
  options: BuildOptions,
  timer: StageTimer,
): Promise<Result<EmittedImage>> {
  timer.start("serialize");
  const merkle = await serialize(plan, target, {
    ...(options.threads !== undefined && { threads: options.threads }),
    ...(options.signal !== undefined && { signal: options.signal }),
    onProgress: (done, total) => options.onProgress?.({ stage: "serialize", done, total, unit: "bytes" }),
  });
  if (!merkle.ok) return merkle;
  return ok({ sizeBytes: plan.sizeBytes, merkleRoot: merkle.value.root(plan.sizeBytes), merkle: merkle.value });
}

/** Writing knows a descriptor alone: names what it belongs to. */
export function withOutput(
  error: BinaryfsError,
  output: Buffer,
): { readonly ok: false; readonly error: BinaryfsError } {
  const isAboutOutput = error.path === undefined && (error.code === "no-space" || error.code === "io");
  return { ok: false, error: isAboutOutput ? { ...error, path: output } : error };
}

/** Writes what stands at the beginning of files, then gives all of them their names. */
export function finishFiles(
  files: readonly OutputFile[],
  contents: readonly (readonly [OutputFile, Buffer])[],
): Result<void> {
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

/** Of an image that was written from nothing. */
export function freshReport(
  output: Buffer,
  tree: Tree,
  plan: Plan,
  image: ImageIdentity,
): Omit<BuildReport, "durationMs" | "stages"> {
  const segments = Math.ceil(plan.sizeBytes / SEGMENT_BYTES);
  return {
    output,
    merkleRoot: image.merkleRoot,
    files: tree.fileCount,
    imageBytes: plan.sizeBytes,
    upToDate: false,
    emittedBytes: plan.sizeBytes,
    segmentsEmitted: segments,
    segmentsTotal: segments,
    sourceBytes: contentBytes(tree),
    storeHits: 0,
    method: "new",
    warnings: tree.warnings,
  };
}

function contentBytes({ table }: Tree): number {
  let bytes = 0;
  for (let row = 0; row < table.count; row++) {
    const isSelected = ((table.flags[row] as number) & ROW.selected) !== 0;
    if (isSelected && rowType(table, row) === "file") bytes += rowSize(table, row);
  }
  return bytes;
}
