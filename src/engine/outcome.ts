/** What an update comes to. */

import { SEGMENT_BYTES } from "../image/constants.js";
import type { RowDelta } from "../plan/row-delta.js";
import type { BuildReport } from "./options.js";
import type { Recorded } from "./recorded.js";

/** What an update found and did, before it is a report. */
export type Outcome = Omit<BuildReport, "durationMs" | "stages">;

/** How a table came from the one before. */
export interface TableUpdate {
  /** Row → row of the table before, or NO_ROW. */
  readonly origin: Uint32Array;
  readonly delta: RowDelta;
}

/** What became of the library. */
export interface Built {
  readonly recorded: Recorded;
  readonly outcome: Outcome;
}

/** Of a library that is right as it is. */
export function upToDate(output: Buffer, recorded: Recorded): Outcome {
  return {
    output,
    digest: recorded.digest,
    merkleRoot: recorded.merkleRoot,
    files: recorded.tree.fileCount,
    imageBytes: recorded.imageBytes,
    upToDate: true,
    emittedBytes: 0,
    segmentsEmitted: 0,
    segmentsTotal: Math.ceil(recorded.imageBytes / SEGMENT_BYTES),
    sourceBytes: 0,
    storeHits: 0,
    method: "none",
    warnings: recorded.tree.warnings,
  };
}
