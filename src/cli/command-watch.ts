/** `binaryfs watch [ROOT] -o LIB.so [-- CMD ARGS…]`: publishes again whenever the tree changes, and starts a program again each time. */

import { constants } from "node:os";
import { absolute } from "../engine/options.js";
import { fail, ok, type Result } from "../errors.js";
import { toLatin1 } from "../select/paths.js";
import { engineOptionsOf } from "./build-request.js";
import type { Command, CommandContext } from "./command.js";
import { WATCH_OPTIONS } from "./options.js";
import { onBrokenPipe } from "./output.js";
import { lastOf } from "./parse-options.js";
import { ProgressLine } from "./progress.js";
import { SupervisedCommand } from "./supervised-command.js";
import { WatchPrinter } from "./watch-printer.js";

const DEFAULT_KILL_AFTER = "5";
/** End watching, each with its own status. A terminal sends the first two to the program as well. */
const FROM_TERMINAL = ["SIGINT", "SIGQUIT"] as const;
const ENDING = [...FROM_TERMINAL, "SIGTERM", "SIGHUP"] as const;
const FORWARDED = ["SIGUSR1", "SIGUSR2"] as const;

export const watchCommand: Command = {
  name: "watch",
  operands: "[ROOT] -o LIB.so [-- CMD ARGS…]",
  summary: "build, and publish again whenever the tree changes",
  options: WATCH_OPTIONS,
  takesOptionFiles: true,
  examples: [
    "binaryfs watch ./rootfs -o app.so",
    "binaryfs watch / -o app.so -i /usr/lib/python3 -i /app -- ./app.so python3 /app/main.py",
  ],
  notes: `CMD is started once the library is there and again after each publication. To stop it, it and all that it started get SIGTERM,
and SIGKILL after --kill-after seconds. BINARYFS_LIBRARY in its environment is the library's path.
Ctrl-C ends both; the status is 128 + the signal's number.`,
  run,
};

async function run(context: CommandContext): Promise<Result<number>> {
  const { parsed, out, verbosity, isJson } = context;
  const [root, extra] = parsed.operands;
  if (extra !== undefined) return fail("usage", { detail: "one operand too many (a command stands after `--`)" });
  if (parsed.rest?.length === 0) return fail("usage", { detail: "name a command after `--`" });
  const killAfter = lastOf(parsed, "kill-after") ?? DEFAULT_KILL_AFTER;
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(killAfter))
    return fail("usage", { detail: "--kill-after takes seconds, such as 5" });
  const { options } = parsed;
  const output = lastOf(parsed, "output");
  const engineOptions = await engineOptionsOf({
    form: "library",
    root,
    output,
    options,
    out,
    verbosity,
    isJson,
    secrets: "error",
  });
  if (!engineOptions.ok) return engineOptions;
  const progress = new ProgressLine(!isJson);
  const printer = new WatchPrinter(out, isJson, verbosity > 0);
  const child =
    parsed.rest &&
    new SupervisedCommand({
      command: parsed.rest,
      variables: { BINARYFS_LIBRARY: toLatin1(absolute(engineOptions.value.output)) },
      isOutputOurs: isJson,
      killAfterMs: Number(killAfter) * 1000,
      onStart: (pid) => void printer.started(pid),
      onExit: (status, signal) => void printer.exited(status, signal),
      onFailure: (cause) => void printer.notStarted(cause),
    });
  const ending = endedBySignals(child);
  onBrokenPipe(ending.end);
  // Loaded here: other commands need not wait for a watcher's library.
  const { watch } = await import("../watch/watch.js");
  const events = watch({
    ...engineOptions.value,
    signal: ending.signal,
    onProgress: (step) => progress.update(step),
  });
  let failure: Result<never> | undefined;
  for await (const event of events) {
    progress.clear();
    if (event.kind === "error" && event.isFatal) failure = { ok: false, error: event.error };
    else await printer.event(event);
    if (event.kind === "ready" || event.kind === "published") child?.restart();
  }
  progress.clear();
  await child?.end(ending.childSignal());
  ending.stop();
  return failure ?? ok(ending.status());
}

/** Listens to signals until `stop`. The first that ends is kept; another one kills the program. */
function endedBySignals(child: SupervisedCommand | undefined) {
  const controller = new AbortController();
  let first: NodeJS.Signals | undefined;
  const isTerminal = process.stdin.isTTY === true;
  const hasHadIt = (signal: NodeJS.Signals): boolean => isTerminal && FROM_TERMINAL.some((one) => one === signal);
  const onEnding = (signal: NodeJS.Signals): void => {
    if (first !== undefined) {
      child?.kill();
      return;
    }
    first = signal;
    controller.abort();
    void child?.end(hasHadIt(signal) ? undefined : signal);
  };
  const onForwarded = (signal: NodeJS.Signals): void => child?.forward(signal);
  for (const signal of ENDING) process.on(signal, onEnding);
  if (child !== undefined) for (const signal of FORWARDED) process.on(signal, onForwarded);
  return {
    signal: controller.signal,
    end: (): void => controller.abort(),
    /** What a program that still runs is to get. */
    childSignal: (): NodeJS.Signals | undefined => (first === undefined ? "SIGTERM" : undefined),
    status: (): number => (first === undefined ? 0 : 128 + constants.signals[first]),
    stop: (): void => {
      for (const signal of ENDING) process.off(signal, onEnding);
      for (const signal of FORWARDED) process.off(signal, onForwarded);
    },
  };
}
