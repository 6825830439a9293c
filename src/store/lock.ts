/** One build at a time on a state directory: the second waits, and is told for whom. The kernel releases the lock of a process that dies. */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fail, ok, type Result } from "../errors.js";
import { addon } from "../native/addon.js";

export interface LockHolder {
  readonly pid: number;
  /** Its command line, shortened. */
  readonly command: string;
}

const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const POLL_MS = 30;
const MAX_COMMAND_CHARACTERS = 200;

export class StateLock {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param directory exists; the lock is its file `lock`, which is never removed
   * @param onWait told once for each holder that is waited for
   * Errors: `interrupted`, `state-unusable` (detail: an errno name)
   */
  static async acquire(
    directory: Buffer,
    onWait: (holder: LockHolder) => void,
    signal?: AbortSignal,
  ): Promise<Result<StateLock>> {
    const path = Buffer.concat([directory, Buffer.from("/lock")]);
    let fd: number | undefined;
    let isTaken = false;
    try {
      fd = openSync(path, OPEN_FLAGS, 0o600);
      // A holder's words are believed at the second look: at the first they may still be those of the one before.
      let seen = "";
      let told = "";
      while (!addon.tryLock(fd)) {
        const text = readFileSync(path, "utf8");
        const holder = parseHolder(text);
        if (holder !== undefined && text === seen && text !== told) {
          told = text;
          onWait(holder);
        }
        seen = text;
        await delay(POLL_MS, undefined, { ...(signal !== undefined && { signal }) });
      }
      isTaken = true;
      introduce(fd);
      return ok(new StateLock(fd));
    } catch (cause) {
      if (signal?.aborted === true) return fail("interrupted");
      return fail("state-unusable", { path: directory, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
    } finally {
      if (fd !== undefined && !isTaken) closeSync(fd);
    }
  }

  /** Later calls do nothing. */
  release(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      ftruncateSync(fd, 0);
    } finally {
      closeSync(fd);
    }
  }
}

/** For those who wait. On a full disk they have to do without. */
function introduce(fd: number): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid} ${ownCommand()}\n`, 0);
  } catch {
    // The lock is what counts.
  }
}

function parseHolder(text: string): LockHolder | undefined {
  const match = /^(\d{1,10}) (.*)\n$/.exec(text);
  return match === null ? undefined : { pid: Number(match[1]), command: match[2] as string };
}

function ownCommand(): string {
  const [, script = "", ...args] = process.argv;
  return [basename(script), ...args]
    .join(" ")
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, MAX_COMMAND_CHARACTERS);
}
