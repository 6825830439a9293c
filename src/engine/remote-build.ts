/** What a remote cache does for one update: a library that is to be made from nothing is looked for there, and one that was made is stored. */

import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { sha256Of } from "../fingerprint/sha256.js";
import { NATIVE_HEAD_BYTES } from "../link/native.js";
import { type NodeTable, ROW, type Tree, type Warning } from "../model.js";
import type { Plan } from "../plan/plan.js";
import { openLibrary } from "../publish/spare.js";
import { actionKey } from "../remote/action-key.js";
import { authorizationFor } from "../remote/credentials.js";
import { HttpCache } from "../remote/http-cache.js";
import { PIECE_BYTES, Pieces } from "../remote/pieces.js";
import { inParallel, lookUp, sha256Beside, share } from "../remote/remote-cache.js";
import { parseRemoteUrl, type RemotePlace } from "../remote/url.js";
import type { SerializerPool } from "../serialize/pool.js";
import { readBytes } from "../serialize/target.js";
import {
  type ContentDigests,
  digestsByStat,
  type Hashing,
  hashLibrary,
  hashSources,
  noDigests,
} from "./content-digests.js";
import { fetchLibrary } from "./fetched-library.js";
import { buildFromNothing, type Workshop } from "./from-nothing.js";
import type { BuildOptions, RemoteCacheOptions, RemoteReport } from "./options.js";
import type { Built } from "./outcome.js";
import type { Recorded, RemoteFacts } from "./recorded.js";
import type { StageTimer } from "./stage-timer.js";
import { planTree, stableOptions } from "./stages.js";

/** A local build of a gigabyte takes seconds: a cache that needs longer for a piece of 4 MiB is of no help. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** Below this, starting threads takes longer than they save. */
const THREADS_FROM_BYTES = 48 << 20;

/** What an earlier build knew of files' content. */
export interface KnownContents {
  readonly table: NodeTable;
  readonly contents: ContentDigests;
}

export interface RemoteBuildOptions {
  readonly remote: RemoteCacheOptions;
  readonly build: BuildOptions;
  readonly template: Buffer;
  readonly pool: () => Promise<SerializerPool>;
}

export class RemoteBuild {
  readonly warnings: Warning[] = [];
  readonly #options: RemoteBuildOptions;
  readonly #place: RemotePlace;
  readonly #cache: HttpCache;
  #outcome: RemoteReport["outcome"] = "unasked";
  /** Of a library that was made from nothing. */
  #plan: Plan | undefined;
  readonly #damaged = new Set<string>();

  /** @param options checked by `mistakeIn` */
  constructor(options: RemoteBuildOptions) {
    const { remote, build } = options;
    this.#options = options;
    this.#place = parseRemoteUrl(remote.url) as RemotePlace;
    const authorization = authorizationFor(this.#place, process.env);
    this.#cache = new HttpCache({
      place: this.#place,
      timeoutMs: remote.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      ...(authorization !== undefined && { authorization }),
      ...(build.signal !== undefined && { signal: build.signal }),
    });
  }

  get report(): RemoteReport {
    const { downloadedBytes, uploadedBytes } = this.#cache;
    return { outcome: this.#outcome, downloadedBytes, uploadedBytes };
  }

  /**
   * The library of a tree: from the cache, else as it would be without one.
   * @param known saves hashing files that are as they were
   * Errors: those of `buildFromNothing`; never one of the cache
   */
  async make(
    facts: Pick<Recorded, "planKey" | "selectionKey" | "tree">,
    workshop: Workshop,
    known: KnownContents | undefined,
  ): Promise<Result<Built>> {
    const { timer, options } = workshop;
    const planned = planTree(facts.tree, options, timer);
    if (!planned.ok) return planned;
    const plan = planned.value;
    this.#plan = plan;
    timer.start("fingerprint");
    const { table } = facts.tree;
    const contents = known === undefined ? noDigests(table.count) : digestsByStat(known.contents, known.table, table);
    const hashing = await this.#hashing(plan);
    const hashed = await hashSources(plan, contents, hashing);
    if (!hashed.ok) return hashed;
    timer.start("remote");
    const fetched = await this.#fetch(facts, workshop, plan, contents, hashing);
    if (!fetched.ok || fetched.value !== undefined) return fetched as Result<Built>;
    const built = await buildFromNothing(facts, workshop, plan);
    if (!built.ok) return built;
    // What was hashed is what was packed, except where stat records do not tell: there the library is asked.
    forgetRacy(facts.tree, contents);
    const remote: RemoteFacts = { contents, pieces: new Pieces(NATIVE_HEAD_BYTES + plan.sizeBytes) };
    return ok({ ...built.value, recorded: { ...built.value.recorded, remote } });
  }

  async #fetch(
    facts: Pick<Recorded, "planKey" | "selectionKey" | "tree">,
    workshop: Workshop,
    plan: Plan,
    contents: ContentDigests,
    hashing: Hashing,
  ): Promise<Result<Built | undefined>> {
    const cache = this.#cache;
    const found = await lookUp(cache, this.#key(plan, contents), NATIVE_HEAD_BYTES + plan.sizeBytes);
    if (workshop.options.signal?.aborted === true) return fail("interrupted");
    if (found.kind !== "found") {
      this.#missed(found.kind, "ac");
      return ok(undefined);
    }
    const fetched = await fetchLibrary({ cache, facts, workshop, plan, contents, pieces: found.value, hashing });
    if (!fetched.ok) return fetched;
    const outcome = fetched.value;
    if (outcome.kind === "built") {
      this.#outcome = "hit";
      const { recorded } = outcome.built;
      const remote = recorded.remote && { ...recorded.remote, sharedWith: this.#placeId };
      return ok({ ...outcome.built, recorded: { ...recorded, ...(remote !== undefined && { remote }) } });
    }
    if (outcome.kind === "rejected") {
      for (const hash of outcome.damaged) this.#damaged.add(hash);
      this.#missed("wrong", outcome.detail);
    } else {
      this.#missed(outcome.kind, "");
    }
    return ok(undefined);
  }

  #missed(kind: "missing" | "wrong" | "off", detail: string): void {
    this.#outcome = kind === "missing" ? "miss" : kind === "wrong" ? "rejected" : "off";
    if (kind === "wrong")
      this.warnings.push({ code: "remote-cache-rejected", detail: `${this.#place.base}, ${detail}` });
    this.#warnIfOff();
  }

  #warnIfOff(): void {
    const { fault } = this.#cache;
    const isTold = this.warnings.some(({ code }) => code === "remote-cache-off");
    if (fault !== undefined && !isTold) this.warnings.push({ code: "remote-cache-off", detail: fault });
  }

  /**
   * Stores a library that was made by this update.
   * @param place where it was published
   * @returns what is to be recorded of it; the same where it was not stored
   */
  async share(recorded: Recorded, place: Buffer, timer: StageTimer): Promise<Recorded> {
    const plan = recorded.incremental?.plan ?? this.#plan;
    const isWanted = this.#options.remote.readOnly !== true && this.#outcome !== "hit" && !this.#cache.isOff;
    if (!isWanted || plan === undefined) return recorded;
    const fd = openLibrary(place, recorded.published.library);
    if (fd === undefined) return recorded;
    try {
      return await this.#shareFile(recorded, plan, fd, timer);
    } finally {
      closeSync(fd);
      this.#warnIfOff();
      if (this.#cache.fault !== undefined) this.#outcome = "off";
    }
  }

  async #shareFile(recorded: Recorded, plan: Plan, fd: number, timer: StageTimer): Promise<Recorded> {
    const { signal, onProgress } = this.#options.build;
    const before = recorded.remote;
    const contents = Buffer.from(before?.contents ?? noDigests(recorded.tree.table.count));
    const pieces = new Pieces(
      NATIVE_HEAD_BYTES + plan.sizeBytes,
      before === undefined ? undefined : Buffer.from(before.pieces.hashes),
    );
    const wasKnown = Array.from({ length: pieces.count }, (_, index) => pieces.isKnown(index));
    timer.start("fingerprint");
    // The library itself is hashed: what is stored is what it holds, whatever became of its sources.
    const hashed = await hashLibrary(plan, fd, contents, await this.#hashing(plan));
    if (!hashed.ok) return recorded;
    const read = (index: number): Buffer<ArrayBuffer> | undefined => {
      const bytes = Buffer.allocUnsafe(pieces.sizeOf(index));
      return readBytes(bytes, index * PIECE_BYTES, { fd, offset: 0 }).ok ? bytes : undefined;
    };
    const unknown = [...wasKnown.keys()].filter((index) => wasKnown[index] === false);
    const areKnown = await inParallel(unknown, async (index) => {
      const bytes = read(index);
      if (bytes === undefined) return false;
      pieces.set(index, isZero(bytes) ? undefined : await sha256Beside(bytes));
      return signal?.aborted !== true;
    });
    if (!areKnown) return recorded;
    timer.start("remote");
    const isShared = await share(this.#cache, {
      key: this.#key(plan, contents),
      pieces,
      read,
      isStored: (index) => before?.sharedWith === this.#placeId && wasKnown[index] === true,
      damaged: this.#damaged,
      onProgress: (done, total) => onProgress?.({ stage: "remote", done, total, unit: "bytes" }),
    });
    const remote: RemoteFacts = { contents, pieces, ...(isShared && { sharedWith: this.#placeId }) };
    return { ...recorded, remote };
  }

  /** Ends all connections. */
  close(): void {
    this.#cache.close();
  }

  /** Without credentials, which are no part of the place. */
  get #placeId(): string {
    return createHash("sha256").update(this.#place.base).digest("hex");
  }

  #key(plan: Plan, contents: ContentDigests): string {
    const { build, template } = this.#options;
    const cuts = stableOptions(build).cuts ?? [];
    return actionKey({ plan, cuts, template: sha256Of(template), contents });
  }

  async #hashing(plan: Plan): Promise<Hashing> {
    const { signal, onProgress, threads } = this.#options.build;
    const isLarge = plan.sizeBytes >= THREADS_FROM_BYTES && threads !== 1;
    return {
      ...(isLarge && { pool: await this.#options.pool() }),
      ...(signal !== undefined && { signal }),
      onProgress: (done, total) => onProgress?.({ stage: "fingerprint", done, total, unit: "bytes" }),
    };
  }
}

const ZEROS = Buffer.alloc(PIECE_BYTES);
const isZero = (bytes: Buffer): boolean => bytes.compare(ZEROS, 0, bytes.length) === 0;

function forgetRacy({ table }: Tree, contents: ContentDigests): void {
  for (let row = 0; row < table.count; row++) {
    if (((table.flags[row] as number) & ROW.racy) !== 0) contents.fill(0, row * 32, (row + 1) * 32);
  }
}
