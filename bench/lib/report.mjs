/** Prints what a measure found: a table, then each figure beside the one aimed at. */
import { bold, dim, green, indent, print, red, size, yellow } from "../../scripts/lib/terminal.mjs";

/**
 * @typedef {object} Finding
 * @property {readonly string[]} columns headings, that of the labels first
 * @property {readonly (readonly string[])[]} rows
 * @property {readonly import("./checks.mjs").Check[]} checks
 * @property {readonly string[]} [notes]
 * @property {unknown} data for the JSON
 */

/** @param {number} value milliseconds */
export function ms(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(Math.abs(value) < 100 ? 1 : 0)} ms`;
}

/** @param {number} value */
export const ratio = (value) => (Number.isFinite(value) ? `${value.toFixed(2)}×` : "–");

/** @param {number | undefined} value */
export const bytes = (value) => (value === undefined || !Number.isFinite(value) ? "–" : size(Math.round(value)));

/** @param {string} title @param {Finding} finding */
export function printFinding(title, { columns, rows, checks, notes = [] }) {
  print(`\n  ${bold(title)}`);
  if (rows.length > 0) print(indent(table(columns, rows)));
  printChecks(checks);
  for (const note of notes) print(`    ${yellow(note)}`);
}

/** @param {readonly import("./checks.mjs").Check[]} checks */
export function printChecks(checks) {
  const width = Math.max(0, ...checks.map(({ what }) => what.length));
  for (const entry of checks) {
    const verdict = entry.met ? green("met") : red("missed");
    print(
      `    ${entry.what.padEnd(width)}  ${written(entry.value, entry)} of ${written(entry.limit, entry)}  ${verdict}`,
    );
  }
}

/** @param {number} value @param {import("./checks.mjs").Check} check */
function written(value, { unit }) {
  const text = unit === "ratio" ? ratio(value) : unit === "ms" ? ms(value) : megabytes(value);
  return text.padStart(9);
}

/** Targets are said in millions of bytes. @param {number} value */
const megabytes = (value) => (Number.isFinite(value) ? `${(value / 1e6).toFixed(0)} MB` : "–");

/** Labels to the left, figures to the right. @param {readonly string[]} columns @param {readonly (readonly string[])[]} rows */
function table(columns, rows) {
  const widths = columns.map((heading, at) => Math.max(heading.length, ...rows.map((row) => (row[at] ?? "").length)));
  const line = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [dim(line(columns)), ...rows.map(line)].join("\n");
}
