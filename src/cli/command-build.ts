/** `binaryfs build` and `binaryfs pack`. */

import { runBuild } from "./build-request.js";
import type { Command, CommandContext } from "./command.js";
import { BUILD_OPTIONS, PACK_OPTIONS } from "./options.js";
import { lastOf } from "./parse-options.js";
import { operandsOf } from "./with-image.js";

const SELECTION_NOTES = `Patterns are paths as seen from ROOT; \`*\` crosses \`/\`. Without any -i the whole of ROOT is taken.
Private keys, token files and .git directories (docs/cli.md has the list) must be included by name or allowed.`;

async function run(form: "library" | "artefacts", { parsed, out, verbosity, isJson }: CommandContext) {
  const operands = operandsOf(parsed, 0, 1);
  if (!operands.ok) return operands;
  return runBuild({
    form,
    root: operands.value[0],
    output: lastOf(parsed, "output"),
    options: parsed.options,
    out,
    verbosity,
    isJson,
    secrets: "error",
  });
}

export const buildCommand: Command = {
  name: "build",
  operands: "[ROOT] -o LIB.so",
  summary: "pack a directory tree into a library",
  options: BUILD_OPTIONS,
  takesOptionFiles: true,
  examples: [
    "binaryfs build ./rootfs -o app.so",
    "binaryfs build / -o app.so -i '/usr/lib/python3*' -i /app -e '*.pyc' --host-path /etc/resolv.conf",
    "binaryfs build / -o app.so --selection app.files --json",
  ],
  notes: SELECTION_NOTES,
  run: (context) => run("library", context),
};

export const packCommand: Command = {
  name: "pack",
  operands: "[ROOT] -o DIR",
  summary: "write the artefacts that a compiler turns into a library",
  options: PACK_OPTIONS,
  takesOptionFiles: true,
  examples: [
    "binaryfs pack ./rootfs -o artefacts && binaryfs link artefacts -o app.so",
    "binaryfs pack ./rootfs -o app.c",
  ],
  notes: SELECTION_NOTES,
  run: (context) => run("artefacts", context),
};
