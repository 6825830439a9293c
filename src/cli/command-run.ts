/** `binaryfs run LIB[:LIB…] -- CMD ARGS…`: starts a program through the native launcher and stands aside. */

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import { openLibrary } from "../link/read-library.js";
import type { Volume } from "../model.js";
import { runtimePath } from "../runtime-files.js";
import { declare } from "../select/declarations.js";
import { toLatin1 } from "../select/paths.js";
import type { Command } from "./command.js";
import { launchWords } from "./launch-words.js";
import { RUN_OPTIONS } from "./options.js";
import { escapePath } from "./output.js";
import { countOf, lastOf, type ParsedArguments, valuesOf } from "./parse-options.js";
import { toBytes } from "./raw-arguments.js";
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
    const variables = runVariables(parsed, libraries, process.env);
    if (!variables.ok) return variables;
    for (const path of listedPaths(libraries)) {
      const library = openLibrary(toBytes(path));
      if (!library.ok) return library;
      library.value.close();
    }
    return launch(command, variables.value);
  },
};

/** LIB[:LIB…] as the launcher divides it: `\:` is a colon. */
const listedPaths = (libraries: string): string[] =>
  (libraries.match(/(?:\\[:\\]|[^:])+/g) ?? []).map((item) => item.replace(/\\([:\\])/g, "$1"));

/** The launcher's variables (docs/cli.md) and those of `--env`, one character a byte. Lists go on where the inherited ones end. */
function runVariables(
  parsed: ParsedArguments,
  libraries: string,
  inherited: NodeJS.ProcessEnv,
): Result<Record<string, string>> {
  const variables: Record<string, string> = { SCONE_EXTENSIONS_PATH: libraries };
  for (const value of valuesOf(parsed, "env")) {
    const at = value.indexOf("=");
    if (at < 1) return fail("usage", { detail: `--env takes KEY=VALUE, not "${escapePath(toBytes(value))}"` });
    variables[value.slice(0, at)] = value.slice(at + 1);
  }
  const volumes: Volume[] = [];
  for (const value of valuesOf(parsed, "volume")) {
    const volume = parseVolume(value);
    if (!volume.ok) return volume;
    if (volume.value.host === undefined)
      return fail("bad-volume", { path: toBytes(value), detail: "it names no host directory" });
    volumes.push(volume.value);
  }
  const hostPaths = valuesOf(parsed, "host-path").map(toBytes);
  const checked = declare({ volumes, hostPaths });
  if (!checked.ok) return checked;
  // As they were written: a trailing slash says that what is not there yet will be a directory.
  const append = (name: string, items: readonly string[]): void => {
    const before = variables[name] ?? toLatin1(inherited[name] ?? "");
    if (items.length > 0) variables[name] = [before, ...items].filter((item) => item !== "").join(":");
  };
  append("BINARYFS_VOLUMES", volumes.map(volumeItem));
  append("BINARYFS_HOST_PATHS", hostPaths.map(listItem));
  const size = lastOf(parsed, "overlay-size");
  if (size !== undefined) {
    if (!OVERLAY_SIZE.test(size) || Number.parseInt(size, 10) === 0)
      return fail("usage", { detail: `--overlay-size takes a size such as 512M, not "${escapePath(toBytes(size))}"` });
    variables["BINARYFS_OVERLAY_SIZE"] = size;
  }
  const exported = lastOf(parsed, "export-overlay");
  if (exported !== undefined) variables["BINARYFS_EXPORT_OVERLAY"] = exported;
  if (countOf(parsed, "hermetic") > 0) variables["BINARYFS_HERMETIC"] = "1";
  return ok(variables);
}

/** One item of the launcher's colon-separated lists. */
const listItem = (path: Buffer): string => path.toString("latin1").replace(/[\\:]/g, "\\$&");

/** GUEST=HOST in such a list: an equals sign of GUEST would divide it. */
const volumeItem = ({ guest, host }: Volume): string =>
  `${listItem(guest).replaceAll("=", "\\=")}=${listItem(host ?? Buffer.alloc(0))}`;

/** As the launcher reads it. */
const OVERLAY_SIZE = /^[0-9]+([KkMmGgTt]i?)?B?$/;

const FORWARDED = ["SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** A terminal sends these to the program itself as well: twice would be once too often. */
const FROM_TERMINAL = ["SIGINT", "SIGQUIT"] as const;

/** Node has no exec: a child with our descriptors, our signals, and its status ours. */
async function launch(
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Result<number>> {
  const launcher = runtimePath("binaryfs-run");
  const { file, args, environment } = launchWords(launcher, command, variables);
  const child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...environment } });
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
