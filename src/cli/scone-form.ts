/** `binaryfs ROOT OUTPUT -i … -h …`: the command line that users' scripts already contain. */

import { existsSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { runBuild } from "./build-request.js";
import { nearestCommand } from "./commands.js";
import { sconeHelp } from "./help.js";
import { expandOptionFiles } from "./option-files.js";
import { SCONE_OPTIONS } from "./options.js";
import { escapePath, type StandardOutput } from "./output.js";
import { countOf, parseOptions } from "./parse-options.js";
import { toBytes } from "./raw-arguments.js";

/** @returns the exit status */
export async function runSconeForm(args: readonly string[], out: StandardOutput): Promise<Result<number>> {
  const expanded = expandOptionFiles(args);
  if (!expanded.ok) return expanded;
  const parsed = parseOptions(expanded.value, SCONE_OPTIONS);
  if (!parsed.ok) return parsed;
  if (countOf(parsed.value, "help") > 0) {
    await out.write(sconeHelp());
    return ok(0);
  }
  const [root, output, extra] = [...parsed.value.operands, ...(parsed.value.rest ?? [])];
  if (extra !== undefined) return fail("usage", { detail: `one operand too many: ${escapePath(toBytes(extra))}` });
  if (root === undefined) return fail("usage", { detail: "ROOT and OUTPUT are missing" });
  const name = escapePath(toBytes(root));
  const meant = existsSync(toBytes(root)) ? undefined : nearestCommand(root);
  const hint = meant === undefined ? "" : `; did you mean \`${meant}\`?`;
  if (output === undefined) {
    return fail("usage", { detail: `"${name}" is no command, and as a ROOT it lacks an OUTPUT${hint}` });
  }
  if (meant !== undefined) return fail("usage", { detail: `"${name}" is no command and no directory${hint}` });
  return runBuild({
    form: "artefacts",
    root,
    output,
    options: parsed.value.options,
    out,
    verbosity: countOf(parsed.value, "verbose"),
    isJson: false,
    // Scripts that worked must go on working.
    secrets: "warn",
  });
}
