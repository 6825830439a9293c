/** Copies bytes from the library to its successor, in slices between which the process attends to other things. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { fail, ok, type Result } from "../errors.js";
import { addon, errnoName } from "../native/addon.js";

/** Bytes [start, end) of a file. */
export type Stretch = readonly [start: number, end: number];

const SLICE_BYTES = 8 << 20;

/**
 * Makes stretches of the target what they are in the source, holes included.
 * @returns `interrupted`; throws what a system call says, with its `code`
 */
export async function copyStretches(
  source: number,
  target: number,
  stretches: readonly Stretch[],
  signal?: AbortSignal,
): Promise<Result<void>> {
  let sinceTurn = 0;
  for (const [start, end] of stretches) {
    for (let at = start; at < end; at += SLICE_BYTES) {
      const sizeBytes = Math.min(SLICE_BYTES, end - at);
      throwErrno(addon.copyRange(source, target, at, sizeBytes));
      sinceTurn += sizeBytes;
      if (sinceTurn < SLICE_BYTES) continue;
      sinceTurn = 0;
      await nextTurn();
      if (signal?.aborted === true) return fail("interrupted");
    }
  }
  return ok(undefined);
}

/** Throws a native call's failure as Node throws that of a system call. */
export function throwErrno(errno: number): void {
  if (errno === 0) return;
  const code = errnoName(errno);
  throw Object.assign(new Error(code), { code });
}
