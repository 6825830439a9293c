/** Watching: an iterable of what happens to a library while its tree changes. */

import { absolute, type BuildOptions } from "../engine/options.js";
import { Session } from "../engine/session.js";
import { outputPlace } from "../publish/output-place.js";
import { EventQueue } from "./event-queue.js";
import { WatchLoop } from "./loop.js";
import { ownFiles } from "./own-files.js";
import type { WatchEvent } from "./watch-events.js";

export type { WatchEvent } from "./watch-events.js";

export type WatchOptions = BuildOptions;

/**
 * Builds a library and goes on publishing it whenever its tree changes, until `options.signal` is aborted or the iteration is left (`break`,
 * `return`). Then no process, no watch and no temporary file is left. The library is at any time what `build` would make of the tree as it
 * was looked at, byte for byte. Events wait until they are taken. Ignore files and rules are those of the start.
 *
 * A failure is an event of kind `error`: one with `isFatal` (wrong options, no ROOT, an output that cannot be) is the last event; after others
 * watching goes on. Nothing is thrown but for mistakes in this program.
 */
export async function* watch(options: WatchOptions): AsyncGenerator<WatchEvent, void, void> {
  const queue = new EventQueue<WatchEvent>();
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  const running = run({ ...options, signal: stopping.signal }, stopping.signal, (event) => queue.push(event));
  // The failure is thrown below, once all that came before it has been taken.
  running.catch(() => undefined).finally(() => queue.end());
  try {
    yield* queue;
  } finally {
    stop();
    options.signal?.removeEventListener("abort", stop);
    await running;
  }
}

async function run(options: WatchOptions, signal: AbortSignal, emit: (event: WatchEvent) => void): Promise<void> {
  if (signal.aborted) return;
  const opened = await Session.open(options);
  if (!opened.ok) {
    if (!signal.aborted) emit({ kind: "error", error: opened.error, isFatal: true });
    return;
  }
  await new WatchLoop(opened.value, { emit, isOwn: ownFiles(ownPaths(options)) }).run(signal);
}

function ownPaths(options: WatchOptions): Buffer[] {
  const output = absolute(options.output);
  const place = outputPlace(output);
  const state = options.state === undefined || options.state === false ? [] : [absolute(options.state)];
  return [output, ...(place.ok ? [place.value] : []), ...state];
}
