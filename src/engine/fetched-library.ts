/** Makes a native library of the pieces that a remote cache has. Nothing of it is believed: it is published if it is what a build would write. */

import { ftruncateSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { sealBlockZero } from "../image/encode-superblock.js";
import { MerkleTree } from "../image/merkle.js";
import { NATIVE_HEAD_BYTES, nativeHead } from "../link/native.js";
import type { Plan } from "../plan/plan.js";
import type { StablePlan } from "../plan/stable.js";
import { OutputFile } from "../publish/output-file.js";
import type { HttpCache } from "../remote/http-cache.js";
import { PIECE_BYTES, type Pieces } from "../remote/pieces.js";
import { fetchPiece, inParallel } from "../remote/remote-cache.js";
import { readBytes, writeError } from "../serialize/target.js";
import { type ContentDigests, type Hashing, hashLibrary, noDigests, sameDigests } from "./content-digests.js";
import { libraryDigestOf, type Workshop } from "./from-nothing.js";
import type { Built } from "./outcome.js";
import { PieceCheck } from "./piece-check.js";
import type { Recorded } from "./recorded.js";
import { freshReport } from "./stages.js";

export interface FetchOptions {
  readonly cache: HttpCache;
  readonly facts: Pick<Recorded, "planKey" | "selectionKey" | "tree">;
  readonly workshop: Workshop;
  readonly plan: Plan;
  /** Of all files. */
  readonly contents: ContentDigests;
  /** What the cache says that the library consists of. */
  readonly pieces: Pieces;
  readonly hashing: Hashing;
}

/** `rejected`: what came is not the library; `damaged`: hashes under which the cache holds other bytes. `missing`: a piece is gone. */
export type FetchOutcome =
  | { readonly kind: "built"; readonly built: Built }
  | { readonly kind: "rejected"; readonly detail: string; readonly damaged: readonly string[] }
  | { readonly kind: "missing" | "off" };

/** Errors: those of `OutputFile`; `no-space`, `io`, `interrupted` */
export async function fetchLibrary(options: FetchOptions): Promise<Result<FetchOutcome>> {
  const { output, options: build } = options.workshop;
  const file = OutputFile.create(output, 0o755);
  if (!file.ok) return file;
  try {
    const { plan, facts, workshop, pieces } = options;
    const merkle = new MerkleTree(Math.ceil(plan.sizeBytes / SEGMENT_BYTES));
    const received = await receive(options, file.value.fd, merkle);
    if (build.signal?.aborted === true) return fail("interrupted");
    if (!received.ok || received.value.kind !== "complete") return received as Result<FetchOutcome>;
    const merkleRoot = merkle.root(plan.sizeBytes);
    const head = nativeHead(workshop.template, { sizeBytes: plan.sizeBytes, merkleRoot });
    const sealed = isSealed(file.value.fd, head, merkleRoot);
    if (!sealed.ok) return sealed;
    if (!sealed.value) return ok(rejected("head"));
    const same = await hasContents(options, file.value.fd);
    if (!same.ok) return same;
    if (!same.value) return ok(rejected("contents"));
    const published = file.value.publish();
    if (!published.ok) return published;
    const digest = libraryDigestOf(head, merkleRoot);
    const recorded: Recorded = {
      ...facts,
      ...(plan.layout === "stable" && { incremental: { plan: plan as StablePlan, merkle } }),
      published: { library: published.value },
      digest,
      merkleRoot,
      imageBytes: plan.sizeBytes,
      remote: { contents: options.contents, pieces },
    };
    const report = freshReport(output, facts.tree, plan, { sizeBytes: plan.sizeBytes, merkleRoot });
    const nothing = { emittedBytes: 0, segmentsEmitted: 0, sourceBytes: 0 };
    return ok({ kind: "built", built: { recorded, outcome: { ...report, ...nothing, digest, method: "remote" } } });
  } finally {
    file.value.discard();
  }
}

const rejected = (detail: string, damaged: readonly string[] = []): FetchOutcome => ({
  kind: "rejected",
  detail,
  damaged,
});

/** Fetches, checks and writes all pieces, a few at a time. */
async function receive(
  { cache, plan, pieces, workshop }: FetchOptions,
  fd: number,
  merkle: MerkleTree,
): Promise<Result<FetchOutcome | { readonly kind: "complete" }>> {
  const target = { fd, offset: 0 };
  try {
    ftruncateSync(fd, NATIVE_HEAD_BYTES + plan.sizeBytes);
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
  const check = new PieceCheck(plan, target, merkle);
  const damaged: string[] = [];
  let failure: Result<FetchOutcome> | undefined;
  let doneBytes = 0;
  const take = async (index: number): Promise<boolean> => {
    const found = pieces.isHole(index) ? undefined : await fetchPiece(cache, pieces, index);
    if (found?.kind === "wrong") damaged.push(pieces.hashOf(index));
    if (found !== undefined && found.kind !== "found") {
      failure ??= ok(found.kind === "wrong" ? rejected(`cas/${pieces.hashOf(index)}`, damaged) : { kind: found.kind });
      return false;
    }
    const taken = check.take(index * PIECE_BYTES, found?.value ?? Buffer.alloc(pieces.sizeOf(index)));
    if (!taken.ok) failure ??= taken;
    else if (!taken.value) failure ??= ok(rejected(`piece ${index}`));
    doneBytes += pieces.sizeOf(index);
    workshop.options.onProgress?.({
      stage: "remote",
      done: doneBytes,
      total: pieces.sizeBytes,
      unit: "bytes",
    });
    return taken.ok && taken.value;
  };
  const isComplete = await inParallel(Array(pieces.count).keys(), take);
  return isComplete ? ok({ kind: "complete" }) : (failure as Result<FetchOutcome>);
}

/** The head, and block 0 with UUID and checksum, are what follows from the root of what was written. */
function isSealed(fd: number, head: Buffer, merkleRoot: Buffer): Result<boolean> {
  const there = Buffer.allocUnsafe(NATIVE_HEAD_BYTES + BLOCK_BYTES);
  const read = readBytes(there, 0, { fd, offset: 0 });
  if (!read.ok) return read;
  const block = Buffer.from(there.subarray(NATIVE_HEAD_BYTES));
  sealBlockZero(block, merkleRoot);
  return ok(there.subarray(0, NATIVE_HEAD_BYTES).equals(head) && there.subarray(NATIVE_HEAD_BYTES).equals(block));
}

async function hasContents({ plan, contents, hashing }: FetchOptions, fd: number): Promise<Result<boolean>> {
  const found = noDigests(plan.inventory.tree.table.count);
  const hashed = await hashLibrary(plan, fd, found, hashing);
  return hashed.ok ? ok(sameDigests(plan.inventory, found, contents)) : hashed;
}
