/** The files of the project: those that git tracks or would, as gates see them. */
import { existsSync } from "node:fs";
import { run } from "../lib/process.mjs";
import { inProject } from "../lib/project.mjs";

/** @returns {Promise<string[]>} paths relative to the checkout, byte order */
export async function projectFiles() {
  const { status, stdout, output } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  if (status !== 0) throw new Error(`git ls-files: ${output}`);
  return [...new Set(stdout.split("\0"))].filter((path) => path !== "" && existsSync(inProject(path))).sort();
}

/**
 * @typedef {{ name: string, problems: readonly string[], seen: number, note?: string | undefined }} GateResult
 *   `seen`: files that were judged; a gate that saw none has failed. `note`: why it was skipped, where it was.
 */
