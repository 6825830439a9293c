/** Help text, made of the same tables that the parser uses. */

import type { Command } from "./command.js";
import { SCONE_OPTIONS } from "./options.js";
import type { OptionSpec } from "./parse-options.js";

const PURPOSE = "binaryfs packs a directory tree into one shared library that carries a whole file system.";

export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name, operands }) => name.length + operands.length)) + 1;
  const rows = commands.map(
    ({ name, operands, summary }) => `  binaryfs ${`${name} ${operands}`.padEnd(width)}  ${summary}`,
  );
  return `${PURPOSE}

Usage:
${rows.join("\n")}
  binaryfs ${"ROOT OUTPUT [-i P]… [-e P]… [-h P]… [-p] [-v]…".padEnd(width)}  SCONE's form: the artefacts into OUTPUT
  LIB.so CMD ARGS…   the library starts a program in its file system by itself

Start here:
  binaryfs build / -o app.so -i '/usr/lib/python3*' -i /app --host-path /etc/resolv.conf
  binaryfs ls app.so
  binaryfs run app.so -- python3 /app/main.py

\`binaryfs COMMAND --help\` tells about a command. \`--version\` prints the version.
Exit status: 0 done, 1 failed, 2 wrong usage; \`run\` gives the program's own.
`;
}

export function commandHelp(command: Command): string {
  const examples = command.examples.map((example) => `  ${example}`).join("\n");
  const optionFiles = command.takesOptionFiles
    ? "\nAn argument @FILE stands for the lines of FILE, each an argument.\n"
    : "";
  return `Usage: binaryfs ${command.name} [OPTIONS] ${command.operands}

${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.

Options:
${optionTable(command.options)}
${optionFiles}${command.notes === undefined ? "" : `\n${command.notes}\n`}
Examples:
${examples}
`;
}

export function sconeHelp(): string {
  return `Usage: binaryfs [OPTIONS] ROOT OUTPUT

SCONE's form: packs ROOT and writes binary_fs.blob, binary_fs_blob.s and libbinary_fs_template.a
into the directory OUTPUT; an OUTPUT that ends in .c gives a C file and its blob instead.
Without --include the whole of ROOT is taken. Note that -h is a host path here.

Options:
${optionTable(SCONE_OPTIONS)}

An argument @FILE stands for the lines of FILE, each an argument.

Then, in that directory:
  gcc ./binary_fs_blob.s ./libbinary_fs_template.a -shared -o libbinary-fs.so
`;
}

const LEFT_COLUMN = 34;

function optionTable(options: readonly OptionSpec[]): string {
  return options
    .filter(({ isHidden }) => isHidden !== true)
    .map(({ short, long, value, summary }) => {
      const left = `  ${short === undefined ? "   " : `-${short},`} --${long}${value === undefined ? "" : ` ${value}`}`;
      const gap = left.length < LEFT_COLUMN ? left.padEnd(LEFT_COLUMN) : `${left}\n${" ".repeat(LEFT_COLUMN)}`;
      return `${gap}${summary}`;
    })
    .join("\n");
}
