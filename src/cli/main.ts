#!/usr/bin/env node
/** The command line: picks the command, prints its failure, sets the exit status. */

import { readFileSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { packageFile } from "../runtime-files.js";
import { type Command, exitStatusOf } from "./command.js";
import { REFUSED_STATUS } from "./command-run.js";
import { COMMANDS, RESERVED_WORDS } from "./commands.js";
import { commandHelp, generalHelp } from "./help.js";
import { expandOptionFiles } from "./option-files.js";
import { printError, StandardOutput, surviveBrokenPipes } from "./output.js";
import { countOf, parseOptions } from "./parse-options.js";
import { rawArguments } from "./raw-arguments.js";
import { runSconeForm } from "./scone-form.js";
import { describeBug, describeError, jsonError } from "./wording.js";

async function main(args: readonly string[]): Promise<number> {
  const out = new StandardOutput();
  const [first] = args;
  const command = COMMANDS.find(({ name }) => name === first);
  const isJson = command !== undefined && args.includes("--json");
  const result = await dispatch(args, command, out);
  if (!result.ok && isJson) await out.json(jsonError(result.error, command?.name));
  await out.flush();
  if (result.ok) return result.value;
  report(result.error, args, command?.name);
  const status = exitStatusOf(result.error);
  return command?.name === "run" && status === 1 ? REFUSED_STATUS : status;
}

async function dispatch(
  args: readonly string[],
  command: Command | undefined,
  out: StandardOutput,
): Promise<Result<number>> {
  const [first] = args;
  if (command !== undefined) return runCommand(command, args.slice(1), out);
  if (first === undefined) return fail("usage", { detail: "name a command, or ROOT and OUTPUT" });
  if (args.length === 1 && (first === "--help" || first === "-h" || first === "help")) {
    await out.write(generalHelp(COMMANDS));
    return ok(0);
  }
  if (args.length === 1 && (first === "--version" || first === "-V")) {
    await out.line(version());
    return ok(0);
  }
  const helped = first === "help" ? COMMANDS.find(({ name }) => name === args[1]) : undefined;
  if (helped !== undefined) {
    await out.write(commandHelp(helped));
    return ok(0);
  }
  if (RESERVED_WORDS.includes(first)) return fail("usage", { detail: `${first}: not in this version` });
  return runSconeForm(args, out);
}

async function runCommand(command: Command, args: readonly string[], out: StandardOutput): Promise<Result<number>> {
  const expanded = command.takesOptionFiles ? expandOptionFiles(args) : ok([...args]);
  if (!expanded.ok) return expanded;
  const parsed = parseOptions(expanded.value, command.options);
  if (!parsed.ok) return withCommandHelp(parsed.error, command);
  if (countOf(parsed.value, "help") > 0) {
    await out.write(commandHelp(command));
    return ok(0);
  }
  const result = await command.run({
    parsed: parsed.value,
    out,
    verbosity: countOf(parsed.value, "verbose"),
    isJson: countOf(parsed.value, "json") > 0,
  });
  return result.ok ? result : withCommandHelp(result.error, command);
}

/** Names the command whose usage was wrong. */
function withCommandHelp(error: BinaryfsError, command: Command): { ok: false; error: BinaryfsError } {
  if (error.code !== "usage") return { ok: false, error };
  return fail("usage", { ...error, detail: `${command.name}: ${error.detail ?? ""}` });
}

function report(error: BinaryfsError, args: readonly string[], command: string | undefined): void {
  printError(describeError(error, command));
  if (verbosityOf(args) >= 2 && error.cause instanceof Error) printError(error.cause.stack ?? error.cause.message);
}

/** Number of `-v`, also where parsing failed. */
function verbosityOf(args: readonly string[]): number {
  const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  return own.reduce(
    (sum, argument) => sum + (/^-v+$/.test(argument) ? argument.length - 1 : Number(argument === "--verbose")),
    0,
  );
}

function version(): string {
  const text = readFileSync(packageFile("package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Standard output is full or broken: what was to be said there is lost, so that is the failure. */
function outputFailed(cause: NodeJS.ErrnoException): void {
  const code = cause.code === "ENOSPC" || cause.code === "EDQUOT" ? "no-space" : "io";
  report({ code, path: Buffer.from("standard output"), detail: cause.code ?? cause.message, cause }, args, undefined);
  process.exit(1);
}

const args = rawArguments(process.argv.slice(2));
surviveBrokenPipes(outputFailed);
try {
  process.exitCode = await main(args);
} catch (error) {
  printError(describeBug(error, verbosityOf(args) >= 2));
  process.exitCode = 1;
}
