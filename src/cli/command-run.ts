/** `binaryfs run LIB[:LIB…] -- CMD ARGS…`: starts a program through the native launcher and stands aside. */

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { openLibrary } from "../link/read-library.js";
import { runtimePath } from "../runtime-files.js";
import type { Command } from "./command.js";
import { RUN_OPTIONS } from "./options.js";
import { escapePath } from "./output.js";
import { countOf, lastOf, type ParsedArguments, valuesOf } from "./parse-options.js";
import { toBytes, toText } from "./raw-arguments.js";
import { parseVolume } from "./selection.js";

/** The image cannot be armed or is refused. */
export const REFUSED_STATUS = 125;

export const runCommand: Command = {
  name: "run",
  operands: "LIB[:LIB…] -- CMD ARGS…",
  summary: "start a program in the file system of one or several libraries",
  options: RUN_OPTIONS,
  examples: [
    "binaryfs run app.so -- python3 /app/main.py",
    "binaryfs run --volume /data=/srv/data --host-path /etc/hosts app.so:base.so -- /bin/sh",
  ],
  notes: `Of several libraries the first listed wins. The exit status is the program's own (128+signal), 126 not executable, 127 not found,
125 when the image cannot be armed. \`binaryfs-run CMD ARGS…\` does the same without Node, by SCONE_EXTENSIONS_PATH.`,
  run: async ({ parsed }) => {
    const [libraries, ...more] = parsed.operands;
    const command = [...more, ...(parsed.rest ?? [])];
    if (libraries === undefined) return fail("usage", { detail: "name a library" });
    if (command.length === 0) return fail("usage", { detail: "name a command after `--`" });
    const environment = runEnvironment(parsed, libraries, process.env);
    if (!environment.ok) return environment;
    for (const path of libraries.split(":").filter((name) => name !== "")) {
      const library = openLibrary(toBytes(path));
      if (!library.ok) return library;
      library.value.close();
    }
    return launch(command.map(toText), environment.value);
  },
};

/** The launcher's variables (docs/cli.md), added to what is already set. */
export function runEnvironment(
  parsed: ParsedArguments,
  libraries: string,
  inherited: NodeJS.ProcessEnv,
): Result<NodeJS.ProcessEnv> {
  const environment: NodeJS.ProcessEnv = { ...inherited, SCONE_EXTENSIONS_PATH: toText(libraries) };
  for (const value of valuesOf(parsed, "env")) {
    const at = value.indexOf("=");
    if (at < 1) return fail("usage", { detail: `--env takes KEY=VALUE, not "${escapePath(toBytes(value))}"` });
    environment[toText(value.slice(0, at))] = toText(value.slice(at + 1));
  }
  const volumes = valuesOf(parsed, "volume");
  for (const value of volumes) {
    const volume = parseVolume(value);
    if (!volume.ok) return volume;
    if (volume.value.host === undefined)
      return fail("bad-volume", { path: toBytes(value), detail: "it names no host directory" });
  }
  const hostPaths = valuesOf(parsed, "host-path");
  const relative = hostPaths.find((path) => !path.startsWith("/"));
  if (relative !== undefined) return fail("bad-host-path", { path: toBytes(relative) });
  append(environment, "BINARYFS_VOLUMES", volumes);
  append(environment, "BINARYFS_HOST_PATHS", hostPaths);
  const size = lastOf(parsed, "overlay-size");
  if (size !== undefined) {
    if (!/^[0-9]+[KMGT]?$/i.test(size))
      return fail("usage", { detail: `--overlay-size takes a size such as 512M, not "${escapePath(toBytes(size))}"` });
    environment["BINARYFS_OVERLAY_SIZE"] = size;
  }
  if (countOf(parsed, "hermetic") > 0) environment["BINARYFS_HERMETIC"] = "1";
  return ok(environment);
}

function append(environment: NodeJS.ProcessEnv, name: string, values: readonly string[]): void {
  if (values.length === 0) return;
  const before = environment[name];
  const added = values.map((value) => toText(value).replaceAll(":", "\\:")).join(":");
  environment[name] = before === undefined || before === "" ? added : `${before}:${added}`;
}

const FORWARDED = ["SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** A terminal sends these to the program itself as well: twice would be once too often. */
const FROM_TERMINAL = ["SIGINT", "SIGQUIT"] as const;

/** Node has no exec: a child with our descriptors, our signals, and its status ours. */
async function launch(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<Result<number>> {
  const launcher = runtimePath("binaryfs-run");
  const child = spawn(launcher, command, { stdio: "inherit", env: environment });
  const isTerminal = process.stdin.isTTY === true;
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  for (const signal of FROM_TERMINAL) process.on(signal, () => isTerminal || child.kill(signal));
  return new Promise((resolve) => {
    child.once("error", (cause) => {
      resolve(fail("template-missing", { path: Buffer.from(launcher), cause }));
    });
    child.once("exit", (code, signal) => {
      resolve(ok(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
    });
  });
}
