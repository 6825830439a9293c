/** Whether a program will find its loader and libraries. */

import { existsSync, readFileSync } from "node:fs";
import { ok, type Result } from "../errors.js";
import { type ElfProgram, readProgram } from "../link/dynamic.js";

export interface ProgramCheck {
  readonly program: ElfProgram;
  /** Interpreter and libraries, the transitive ones too, with the place where each was found; undefined for a missing one. */
  readonly libraries: readonly { readonly name: Buffer; readonly path: Buffer | undefined }[];
}

const DEFAULT_DIRECTORIES = [
  "/lib64",
  "/usr/lib64",
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib",
  "/usr/lib",
  "/usr/local/lib",
];

/**
 * Resolves what the program needs as ld.so would on this host: LD_LIBRARY_PATH, the run path, ld.so.conf, the usual directories.
 * @param path of an ELF program on the host
 */
export function checkProgram(path: Buffer): Result<ProgramCheck> {
  const program = readProgram(path);
  if (!program.ok) return program;
  const libraries = new Map<string, Buffer | undefined>();
  if (program.value.interpreter !== undefined) {
    const { interpreter } = program.value;
    libraries.set(interpreter.toString("latin1"), existsSync(interpreter) ? interpreter : undefined);
  }
  const configured = [...environmentDirectories(), ...configuredDirectories(), ...DEFAULT_DIRECTORIES];
  const pending: { elf: ElfProgram; path: Buffer }[] = [{ elf: program.value, path }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const directories = [...runDirectories(next.elf, next.path), ...configured];
    for (const name of next.elf.needed) {
      const key = name.toString("latin1");
      if (libraries.has(key)) continue;
      const found = find(key, directories);
      libraries.set(key, found);
      const library = found && readProgram(found);
      if (library?.ok) pending.push({ elf: library.value, path: found as Buffer });
    }
  }
  const list = [...libraries].map(([name, place]) => ({ name: Buffer.from(name, "latin1"), path: place }));
  return ok({ program: program.value, libraries: list });
}

function find(name: string, directories: readonly string[]): Buffer | undefined {
  const candidates = name.includes("/") ? [name] : directories.map((directory) => `${directory}/${name}`);
  return candidates.map((candidate) => Buffer.from(candidate, "latin1")).find((candidate) => existsSync(candidate));
}

function runDirectories(elf: ElfProgram, path: Buffer): string[] {
  const origin = path.includes(0x2f) ? path.toString("latin1").replace(/\/[^/]*$/, "") || "/" : ".";
  return elf.runPath.map((part) => part.toString("latin1").replace(/\$(ORIGIN|\{ORIGIN\})/g, origin));
}

const environmentDirectories = (): string[] =>
  (process.env["LD_LIBRARY_PATH"] ?? "").split(":").filter((part) => part !== "");

/** ld.so.conf without its include lines: their files hold what the usual directories and the cache hold too. */
function configuredDirectories(): string[] {
  try {
    const lines = readFileSync("/etc/ld.so.conf", "latin1").split("\n");
    return lines.map((line) => line.trim()).filter((line) => line.startsWith("/"));
  } catch {
    return [];
  }
}
