/** How binaryfs is called here. */
import { inProject } from "../../scripts/lib/project.mjs";

const program = inProject("dist/bin/main.js");

/** Names that look like secrets occur in the machine's trees, and links are kept: as the peers do. */
const selection = ["--preserve-symbolic-links", "--allow-secrets", "**"];

/** @typedef {{ root: string, output: string, state?: string, layout?: string }} Build `state` absent: nothing is kept */

/** @param {"build" | "watch"} command @param {Build} build @returns {string[]} arguments of Node */
export const binaryfsArgs = (command, { root, output, state, layout }) => [
  program,
  command,
  root,
  "--output",
  output,
  ...selection,
  ...(layout === undefined ? [] : ["--layout", layout]),
  ...(state === undefined ? ["--no-state"] : ["--state", state]),
  "--json",
];

/** The last line of `build --json`. @param {string} stdout @returns {{ event: string, files: number, upToDate: boolean, emittedBytes: number, imageBytes: number }} */
export const builtEvent = (stdout) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
