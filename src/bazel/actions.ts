/** Carries out a request: packs a shard, or links shards. */

import { realpathSync } from "node:fs";
import { Assembly } from "../engine/assembly.js";
import { fail, ok, type Result } from "../errors.js";
import type { Warning } from "../model.js";
import { OutputFile } from "../publish/output-file.js";
import { joinPath, toBytes } from "../select/paths.js";
import { writeBytes } from "../serialize/target.js";
import { readShard, type Shard } from "../shard/read-shard.js";
import { type KnownContent, type ShardOptions, type WrittenShard, writeShard } from "../shard/write-shard.js";
import { writeContents } from "./contents.js";
import type { LinkRequest, Request, ShardRequest } from "./request.js";

/** What a request is carried out with. */
export interface ActionContext {
  /** Absolute host path (latin1 text) that the request's paths are relative to. */
  readonly directory: string;
  /** The content of a host path (as the request names it), where an earlier request has packed the same. */
  readonly knownContent?: (host: string) => KnownContent | undefined;
  /** Told of what was packed: for `knownContent`. */
  readonly onContent?: (host: string, content: KnownContent) => void;
  /** A shard that an earlier request has read, or undefined. */
  readonly knownShard?: (host: string) => Pick<Shard, "entries" | "links"> | undefined;
  readonly onShard?: (host: string, shard: Shard) => void;
  /** Packs a shard elsewhere than in the calling thread. */
  readonly writeShard?: (options: Omit<ShardOptions, "signal">, signal?: AbortSignal) => Promise<Result<WrittenShard>>;
  /**
   * What is known of a library that was linked before.
   * @param output as the request names it
   * @param base see `Assembly`
   */
  readonly assemblyFor?: (output: string, base: Buffer) => Assembly;
  /** Ends whatever else is at work on the output, and waits for its end. `signal` tells when the next one does so. */
  readonly takeTurn?: (output: string) => Promise<{ readonly signal: AbortSignal; readonly end: () => void }>;
  readonly signal?: AbortSignal;
}

/** @returns warnings. Errors: those of `writeShard`, `readShard` and `assemble` */
export async function runAction(request: Request, context: ActionContext): Promise<Result<readonly Warning[]>> {
  const turn = await context.takeTurn?.(request.output);
  const signals = [context.signal, turn?.signal].filter((signal) => signal !== undefined);
  const own = signals.length === 0 ? context : { ...context, signal: AbortSignal.any(signals) };
  try {
    return await (request.action === "shard" ? runShard(request, own) : runLink(request, own));
  } finally {
    turn?.end();
  }
}

const hostPath = ({ directory }: ActionContext, path: string): Buffer =>
  toBytes(path.startsWith("/") ? path : joinPath(directory, path));

async function runShard(request: ShardRequest, context: ActionContext): Promise<Result<readonly Warning[]>> {
  /** As the request names them, by absolute path. */
  const names = new Map<string, string>();
  const files = request.files.map(({ path, host, kind }) => {
    const absolute = hostPath(context, host);
    names.set(absolute.toString("latin1"), host);
    const known = kind === "file" ? context.knownContent?.(host) : undefined;
    return { path, host: absolute, kind, ...(known !== undefined && { known }) };
  });
  const options = { output: hostPath(context, request.output), files, rules: request.rules, links: request.links };
  const { signal } = context;
  const written =
    context.writeShard === undefined
      ? writeShard({ ...options, ...(signal !== undefined && { signal }) })
      : await context.writeShard(options, signal);
  if (!written.ok) return written;
  for (const [absolute, content] of written.value.packed) context.onContent?.(names.get(absolute) as string, content);
  return ok([]);
}

async function runLink(request: LinkRequest, context: ActionContext): Promise<Result<readonly Warning[]>> {
  const shards: Shard[] = [];
  for (const host of request.shards) {
    const shard = openShard(host, context);
    if (!shard.ok) return shard;
    shards.push(shard.value);
  }
  const output = hostPath(context, request.output);
  const { signal } = context;
  const kept = keptDirectory(shards);
  const assembly = kept === undefined ? undefined : context.assemblyFor?.(request.output, kept);
  const assembled = await (assembly ?? new Assembly()).link({
    output,
    shards,
    tree: request,
    layout: request.layout,
    ...(signal !== undefined && { signal }),
  });
  if (!assembled.ok) return assembled;
  const { report, tree } = assembled.value;
  const contents = await writeContents(tree, hostPath(context, request.contents));
  if (!contents.ok) return contents;
  const digest = writeText(hostPath(context, request.digest), `sha256:${report.digest}\n`);
  return digest.ok ? ok(report.warnings) : digest;
}

/** Beside the shards, where no sandbox ends with its action, and where `bazel clean` removes it. */
function keptDirectory([first]: readonly Shard[]): Buffer | undefined {
  return first && Buffer.concat([first.path.subarray(0, first.path.lastIndexOf("/")), Buffer.from("/.kept")]);
}

function openShard(host: string, context: ActionContext): Result<Shard> {
  const given = hostPath(context, host);
  let path: Buffer;
  try {
    path = realpathSync.native(given, "buffer");
  } catch (cause) {
    return fail("input-missing", { path: given, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
  const shard = readShard(path, context.knownShard?.(host));
  if (shard.ok) context.onShard?.(host, shard.value);
  return shard;
}

function writeText(output: Buffer, text: string): Result<void> {
  const file = OutputFile.create(output, 0o644);
  if (!file.ok) return file;
  try {
    const written = writeBytes(Buffer.from(text), 0, { fd: file.value.fd, offset: 0 });
    if (!written.ok) return written;
    const published = file.value.publish();
    return published.ok ? ok(undefined) : published;
  } finally {
    file.value.discard();
  }
}
