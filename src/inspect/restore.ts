/** The instructions to `bfs-restore` (src/native/restore.c), which finishes what Node wrote, and the call of it. */

import { spawnSync } from "node:child_process";
import { fail, ok, type Result } from "../errors.js";
import { FILE_TYPE } from "../image/constants.js";
import type { Inode } from "../image/decode-inode.js";
import type { Xattr } from "../model.js";
import { runtimePath } from "../runtime-files.js";

const SECOND_NS = 1_000_000_000n;
const OUTPUT_LIMIT_BYTES = 1 << 28;

/** Records in the order in which they are carried out. */
export class RestoreScript {
  readonly #records: Buffer[] = [];
  readonly #isOwned: boolean;

  /** @param isOwned whether owners are set, which takes root */
  constructor(isOwned: boolean) {
    this.#isOwned = isOwned;
  }

  enter(name: Buffer): void {
    this.#add("d", text(name));
  }

  leave(directory: Inode, xattrs: readonly Xattr[]): void {
    this.#add("u", this.#metadata(directory, xattrs));
  }

  metadata(name: Buffer, inode: Inode, xattrs: readonly Xattr[]): void {
    this.#add("m", text(name), this.#metadata(inode, xattrs));
  }

  special(name: Buffer, inode: Inode): void {
    this.#add("n", text(name), u32(FILE_TYPE[inode.type].mode | 0o600), u32(inode.rdev ?? 0));
  }

  /** @param components of the first name, below the target */
  link(name: Buffer, components: readonly Buffer[]): void {
    this.#add("l", text(name), u32(components.length), ...components.map(text));
  }

  /**
   * Carries everything out.
   * @param directoryFd of the target, open
   * @returns one line for each thing that this user may not do; `interrupted` where a signal ended it
   */
  run(directoryFd: number): Result<string[]> {
    const helper = runtimePath("bfs-restore");
    const run = spawnSync(helper, {
      // A working directory is given as text, and the target's name need not be UTF-8.
      cwd: `/proc/${process.pid}/fd/${directoryFd}`,
      input: Buffer.concat(this.#records),
      maxBuffer: OUTPUT_LIMIT_BYTES,
    });
    if (run.error !== undefined) return fail("template-missing", { path: Buffer.from(helper), cause: run.error });
    if (run.signal !== null) return fail("interrupted");
    if (run.status !== 0) return fail("io", { detail: run.stderr.toString("utf8").trim() });
    return ok(
      run.stdout
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== ""),
    );
  }

  #metadata(inode: Inode, xattrs: readonly Xattr[]): Buffer {
    const nanoseconds = ((inode.mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
    const seconds = Buffer.alloc(8);
    seconds.writeBigInt64LE((inode.mtimeNs - nanoseconds) / SECOND_NS);
    const fixed = [inode.mode, this.#isOwned ? 1 : 0, inode.uid, inode.gid].map(u32);
    const pairs = xattrs.flatMap(({ name, value }) => [text(name), text(value)]);
    return Buffer.concat([...fixed, seconds, u32(Number(nanoseconds)), u32(xattrs.length), ...pairs]);
  }

  #add(operation: string, ...fields: Buffer[]): void {
    this.#records.push(Buffer.from(operation, "latin1"), ...fields);
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const text = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes]);
