/** A build's report as fields of `--json` and as a line. */

import type { BuildReport, RemoteReport } from "../engine/options.js";
import { escapePath, jsonPath } from "./output.js";
import { counted, humanBytes } from "./wording.js";

/** @param output name of the output's field */
export const reportFields = (report: BuildReport, output: "library" | "output"): object => ({
  ...jsonPath(report.output, output),
  ...(report.digest !== undefined && { digest: `sha256:${report.digest}` }),
  merkleRoot: report.merkleRoot.toString("hex"),
  files: report.files,
  imageBytes: report.imageBytes,
  upToDate: report.upToDate,
  method: report.method,
  emittedBytes: report.emittedBytes,
  segmentsEmitted: report.segmentsEmitted,
  segmentsTotal: report.segmentsTotal,
  sourceBytes: report.sourceBytes,
  storeHits: report.storeHits,
  ...(report.remote !== undefined && { remoteCache: report.remote }),
  durationMs: roundMs(report.durationMs),
  stages: Object.fromEntries(Object.entries(report.stages).map(([stage, ms]) => [stage, roundMs(ms)])),
});

export function describeReport(report: BuildReport): string {
  const stages = Object.entries(report.stages).map(([stage, ms]) => `${stage} ${Math.round(ms)} ms`);
  const digest = report.digest === undefined ? `root ${report.merkleRoot.toString("hex")}` : `sha256:${report.digest}`;
  return (
    `${escapePath(report.output)}: ${counted(report.files, "file")}, ${humanBytes(report.imageBytes)}, ${workDone(report)}, ` +
    `${digest}, ${Math.round(report.durationMs)} ms (${stages.join(", ")})`
  );
}

export const workDone = (report: BuildReport): string => [ownWork(report), ...remoteWork(report)].join(", ");

function ownWork({ upToDate, method, emittedBytes }: BuildReport): string {
  if (upToDate) return "up to date";
  return method === "remote" ? "nothing re-emitted" : `re-emitted ${humanBytes(emittedBytes)}`;
}

const REMOTE_OUTCOMES: Readonly<Record<RemoteReport["outcome"], string | undefined>> = {
  hit: "remote cache hit",
  miss: "remote cache miss",
  rejected: "remote cache entry rejected",
  off: "remote cache off",
  unasked: undefined,
};

function remoteWork({ remote }: BuildReport): string[] {
  if (remote === undefined) return [];
  const { outcome, downloadedBytes, uploadedBytes } = remote;
  const parts = [
    REMOTE_OUTCOMES[outcome],
    downloadedBytes > 0 ? `${humanBytes(downloadedBytes)} fetched` : undefined,
    uploadedBytes > 0 ? `${humanBytes(uploadedBytes)} stored remotely` : undefined,
  ];
  return parts.filter((part) => part !== undefined);
}

/** Watching publishes in few milliseconds: tenths tell them apart. */
const roundMs = (ms: number): number => Math.round(ms * 10) / 10;
