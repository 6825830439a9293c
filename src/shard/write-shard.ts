/** Packs the content of some files of a tree into a shard: a function of their paths and bytes alone. */

import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { readError } from "../fingerprint/content-reader.js";
import { sha256Of } from "../fingerprint/sha256.js";
import { OutputFile } from "../publish/output-file.js";
import { GivenDecision, type GivenLinks, givenRules, pathKey } from "../select/given.js";
import { toBytes } from "../select/paths.js";
import type { Rule } from "../select/rules.js";
import { writeBytes } from "../serialize/target.js";
import { encodeShard, SHARD_HEADER_BYTES, type ShardEntry } from "./shard-format.js";

/** A file whose content is read; a symlink that stays one; a file without content, wherever from. */
export type ShardFileKind = "file" | "link" | "empty";

export interface ShardFile {
  /** Guest path, absolute and normalized, as latin1 text. */
  readonly path: string;
  /** Absolute host path; of a file, symlinks are followed. */
  readonly host: Buffer;
  readonly kind: ShardFileKind;
  /** What an earlier packing of it found, where the caller knows that it has not changed since. */
  readonly known?: KnownContent;
}

export interface KnownContent {
  /** SHA-256, 32 bytes. */
  readonly sha256: Buffer;
  /** Which file it was and its times (stat(2)): where they are others now, the content is hashed again. */
  readonly identity: string;
}

export interface ShardOptions {
  /** Absolute host path. */
  readonly output: Buffer;
  readonly files: readonly ShardFile[];
  readonly rules: readonly Rule[];
  readonly links: GivenLinks;
  /** Looked at between files. */
  readonly signal?: { readonly aborted: boolean };
}

export interface WrittenShard {
  /** By host path (latin1 text): each content that was packed, symlinks aside. */
  readonly packed: ReadonlyMap<string, KnownContent>;
}

const NO_DIGEST = Buffer.alloc(32);
const NOTHING: KnownContent = { sha256: sha256Of(Buffer.alloc(0)), identity: "" };

/**
 * The same paths and contents give the same bytes, wherever the files lie.
 * Errors: `path-conflict`, `input-missing`, `not-a-file`, `unreadable`, `input-changed`, those of `givenRules` and `OutputFile`, `no-space`, `io`, `interrupted`
 */
export function writeShard({ output, files, rules, links, signal }: ShardOptions): Result<WrittenShard> {
  const ordered = inOrder(files);
  if (!ordered.ok) return ordered;
  const selection = givenRules(rules, links);
  if (!selection.ok) return selection;
  const decision = new GivenDecision(selection.value);
  const file = OutputFile.create(output, 0o644);
  if (!file.ok) return file;
  const writer = new ContentWriter(file.value.fd);
  try {
    const packed = new Map<string, KnownContent>();
    const entries: ShardEntry[] = [];
    for (const { path, host, kind, known } of ordered.value) {
      const isLink = kind === "link";
      if (signal?.aborted) return fail("interrupted");
      if (!decision.selects(path)) {
        entries.push({ path, isSelected: false, isLink, offset: 0, sizeBytes: 0, sha256: NO_DIGEST });
        continue;
      }
      const offset = writer.position;
      const copied = kind === "file" ? writer.copy(host, known) : kind === "link" ? writer.copyLink(host) : ok(NOTHING);
      if (!copied.ok) return copied;
      const sizeBytes = writer.position - offset;
      const place = { offset: sizeBytes > 0 ? offset : 0, sizeBytes };
      entries.push({ path, isSelected: true, isLink, ...place, sha256: copied.value.sha256 });
      if (kind === "file") packed.set(host.toString("latin1"), copied.value);
    }
    const { header, index } = encodeShard(entries, writer.position);
    const written = writer.finish(header, index);
    if (!written.ok) return written;
    const published = file.value.publish();
    return published.ok ? ok({ packed }) : published;
  } finally {
    file.value.discard();
  }
}

/** The same file under the same path counts once. */
function inOrder(files: readonly ShardFile[]): Result<ShardFile[]> {
  const sorted = files.map((file) => ({ file, key: pathKey(file.path) }));
  sorted.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const kept: ShardFile[] = [];
  for (const { file } of sorted) {
    const last = kept.at(-1);
    if (last?.path !== file.path) kept.push(file);
    else if (!last.host.equals(file.host)) return fail("path-conflict", { path: toBytes(file.path) });
  }
  return ok(kept);
}

/** Small files are gathered, so that a write serves many. */
const GATHERED_BYTES = 1 << 20;

class ContentWriter {
  /** Where the next content goes. */
  position = SHARD_HEADER_BYTES;
  readonly #fd: number;
  readonly #gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES);
  #pending = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  copy(host: Buffer, known: KnownContent | undefined): Result<KnownContent> {
    let source: number | undefined;
    try {
      source = openSync(host, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      const before = fstatSync(source, { bigint: true });
      if (!before.isFile()) return fail("not-a-file", { path: host });
      const identity = identityOf(before);
      const hash = known?.identity === identity ? undefined : createHash("sha256");
      const sizeBytes = Number(before.size);
      for (let done = 0; done < sizeBytes; ) {
        if (this.#pending === GATHERED_BYTES) {
          const flushed = this.#flush();
          if (!flushed.ok) return flushed;
        }
        const room = Math.min(GATHERED_BYTES - this.#pending, sizeBytes - done);
        const got = readSync(source, this.#gathered, this.#pending, room, done);
        if (got === 0) return fail("input-changed", { path: host });
        hash?.update(this.#gathered.subarray(this.#pending, this.#pending + got));
        this.#pending += got;
        this.position += got;
        done += got;
      }
      if (identityOf(fstatSync(source, { bigint: true })) !== identity) return fail("input-changed", { path: host });
      return ok(hash === undefined ? (known as KnownContent) : { sha256: hash.digest(), identity });
    } catch (cause) {
      return unreadable(host, cause);
    } finally {
      if (source !== undefined) closeSync(source);
    }
  }

  copyLink(host: Buffer): Result<KnownContent> {
    try {
      const body = readlinkSync(host, "buffer");
      if (GATHERED_BYTES - this.#pending < body.length) {
        const flushed = this.#flush();
        if (!flushed.ok) return flushed;
      }
      this.#pending += body.copy(this.#gathered, this.#pending);
      this.position += body.length;
      return ok({ sha256: sha256Of(body), identity: "" });
    } catch (cause) {
      return unreadable(host, cause);
    }
  }

  finish(header: Buffer, index: Buffer): Result<void> {
    const flushed = this.#flush();
    if (!flushed.ok) return flushed;
    const indexed = writeBytes(index, this.position, { fd: this.#fd, offset: 0 });
    return indexed.ok ? writeBytes(header, 0, { fd: this.#fd, offset: 0 }) : indexed;
  }

  #flush(): Result<void> {
    const bytes = this.#gathered.subarray(0, this.#pending);
    const at = this.position - this.#pending;
    this.#pending = 0;
    return writeBytes(bytes, at, { fd: this.#fd, offset: 0 });
  }
}

const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(" ");

function unreadable(host: Buffer, cause: unknown): Result<never> {
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) return fail("input-missing", { path: host, detail: code, cause });
  if (code === "EINVAL") return fail("not-a-file", { path: host, detail: "no symlink", cause });
  return { ok: false, error: readError(host, cause) };
}
