/** Makes a native library from nothing. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import { NATIVE_HEAD_BYTES, nativeHead } from "../link/native.js";
import type { Plan } from "../plan/plan.js";
import type { StablePlan } from "../plan/stable.js";
import { OutputFile } from "../publish/output-file.js";
import { writeBytes } from "../serialize/target.js";
import type { BuildOptions } from "./options.js";
import type { Built } from "./outcome.js";
import type { Recorded } from "./recorded.js";
import type { StageTimer } from "./stage-timer.js";
import { emitImage, freshReport, planTree } from "./stages.js";

export interface Workshop {
  readonly options: BuildOptions;
  /** As it was named. */
  readonly output: Buffer;
  /** Where the library is: the output with its symlinks followed. */
  readonly place: Buffer;
  readonly template: Buffer;
  readonly timer: StageTimer;
}

/**
 * @param planned of the tree, where it was planned already
 * Errors: those of planning, `serialize` and `OutputFile`
 */
export async function buildFromNothing(
  facts: Pick<Recorded, "planKey" | "selectionKey" | "tree">,
  { options, output, template, timer }: Workshop,
  planned?: Plan,
): Promise<Result<Built>> {
  const { tree } = facts;
  const plan = planned === undefined ? planTree(tree, options, timer) : ok(planned);
  if (!plan.ok) return plan;
  const file = OutputFile.create(output, 0o755);
  if (!file.ok) return file;
  try {
    // The layout is fixed from here on.
    const target = { fd: file.value.fd, offset: NATIVE_HEAD_BYTES };
    const image = await emitImage(plan.value, target, options, timer);
    if (!image.ok) return image;
    timer.start("link");
    const head = nativeHead(template, image.value);
    const digest = libraryDigestOf(head, image.value.merkleRoot);
    const written = writeBytes(head, 0, { fd: file.value.fd, offset: 0 });
    if (!written.ok) return written;
    timer.start("publish");
    const published = file.value.publish();
    if (!published.ok) return published;
    const recorded: Recorded = {
      ...facts,
      ...(plan.value.layout === "stable" && {
        incremental: { plan: plan.value as StablePlan, merkle: image.value.merkle },
      }),
      published: { library: published.value },
      digest,
      merkleRoot: image.value.merkleRoot,
      imageBytes: plan.value.sizeBytes,
    };
    return ok({ recorded, outcome: { ...freshReport(output, tree, plan.value, image.value), digest } });
  } finally {
    file.value.discard();
  }
}

/** Of a native library (docs/format.md section 3). */
export const libraryDigestOf = (head: Buffer, merkleRoot: Buffer): string =>
  createHash("sha256").update(head).update(merkleRoot).digest("hex");
