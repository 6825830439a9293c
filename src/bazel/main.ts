#!/usr/bin/env node
/** What the actions of the Bazel rules run (rules/bazel): once, or as a persistent worker. Its arguments may change in any version. */

import { readFileSync } from "node:fs";
import { exitStatusOf } from "../cli/command.js";
import { describeBug, describeError, describeWarnings } from "../cli/wording.js";
import { type BinaryfsError, fail, type Result } from "../errors.js";
import type { Warning } from "../model.js";
import { joinPath, toBytes, toLatin1 } from "../select/paths.js";
import { workingDirectory } from "../select/working-directory.js";
import { type ActionContext, runAction } from "./actions.js";
import { parseRequest } from "./request.js";
import { parameterWords } from "./words.js";
import type { Perform, Protocol } from "./worker.js";

const FLAG_FILE = "--flagfile=";

/** @param words of the command line, or of a request: a parameter file, whose name Bazel does not replace by its lines */
async function run(words: readonly string[], context: ActionContext): Promise<Result<readonly Warning[]>> {
  const named = words.filter((word) => word.startsWith(FLAG_FILE)).map((word) => word.slice(FLAG_FILE.length));
  const [name] = named;
  if (name === undefined || named.length > 1) return fail("usage", { detail: `one ${FLAG_FILE}FILE is expected` });
  const path = toBytes(name.startsWith("/") ? name : joinPath(context.directory, name));
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (cause) {
    return fail("input-missing", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
  const parsed = parameterWords(text);
  if (!parsed.ok) return parsed;
  const request = parseRequest(parsed.value);
  return request.ok ? runAction(request.value, context) : request;
}

/** Everything that can be said of a request, as lines. */
const perform: Perform = async (words, context) => {
  try {
    const result = await run(words, context);
    const lines = result.ok
      ? describeWarnings(result.value, false)
      : [describeError(relativeTo(context.directory, result.error))];
    return {
      exitCode: result.ok ? 0 : exitStatusOf(result.error),
      output: lines.map((line) => `${line}\n`).join(""),
    };
  } catch (error) {
    return { exitCode: 1, output: `${describeBug(error, true)}\n` };
  }
};

/** Paths as Bazel names them. */
function relativeTo(directory: string, error: BinaryfsError): BinaryfsError {
  const path = error.path?.toString("latin1");
  return path?.startsWith(`${directory}/`) ? { ...error, path: toBytes(path.slice(directory.length + 1)) } : error;
}

async function main(words: readonly string[]): Promise<number> {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());
  const directory = workingDirectory();
  if (!words.includes("--persistent_worker")) {
    const { exitCode, output } = await perform(words.map(toLatin1), { directory, signal: interruption.signal });
    process.stderr.write(output);
    return exitCode;
  }
  const { serve } = await import("./worker.js");
  // Nobody listens any more.
  process.stdout.on("error", () => interruption.abort());
  const protocol: Protocol = words.includes("--worker_protocol=json") ? "json" : "proto";
  interruption.signal.addEventListener("abort", () => process.stdin.destroy());
  if (interruption.signal.aborted) return 0;
  const { stdin: input, stdout: output } = process;
  await serve({ protocol, directory, input, output, perform, signal: interruption.signal }).catch((error: unknown) => {
    if (!interruption.signal.aborted) throw error;
  });
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describeBug(error, true)}\n`);
  process.exitCode = 1;
}
