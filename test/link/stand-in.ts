/** A runtime directory with a stand-in for the runtime, linked exactly as the real one is. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const project = join(here, "../..");
const FLAGS = [
  "-O2",
  "-ffreestanding",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
];

/** A fresh directory that `dispose` removes. */
export function temporaryDirectory(name: string): { path: string; dispose: () => void } {
  const path = mkdtempSync(join(tmpdir(), `binaryfs-${name}-`));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** Fills DIRECTORY with template.so, the archive, the assembly text, the launcher and the helpers. */
export function makeStandInRuntime(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const source = join(here, "stand-in.c");
  const at = (name: string) => join(directory, name);
  execFileSync("gcc", [...FLAGS, "-c", source, "-o", at("stand-in.o")]);
  execFileSync("ld", ["-r", at("stand-in.o"), "-o", at("binaryfs.o")]);
  execFileSync("ar", ["rcsD", at("libbinary_fs_template.a"), at("binaryfs.o")]);
  execFileSync("gcc", [...FLAGS, "-S", source, "-o", at("binaryfs.s")]);
  const makefile = `OUT := ${directory}\nRUNTIME_OBJECT := ${at("binaryfs.o")}\nall: ${at("template.so")}\ninclude ${project}/src/link/template/template.mk\n`;
  writeFileSync(at("Makefile"), makefile);
  execFileSync("make", ["-s", "-f", at("Makefile"), at("template.so")]);
  execFileSync("ld", [
    "-shared",
    "-e",
    "_start",
    "-z",
    "norelro",
    at("binaryfs.o"),
    at("note.o"),
    "-o",
    at("binaryfs-run"),
  ]);
  execFileSync("make", ["-s", "-C", join(project, "src/native"), `OUT=${directory}`]);
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  command: string,
  args: readonly string[] = [],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(command, [...args], { encoding: "utf8", ...options });
  return { status, stdout, stderr };
}

/** Whether a tool of the test is installed: what it would judge is skipped, visibly, without it. */
export const isInstalled = (tool: string): boolean => run("which", [tool]).status === 0;
