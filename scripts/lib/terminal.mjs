/** What the scripts print: colours on a terminal only, one mark a line. */
const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== "dumb";

/** @param {string} code */
const paint = (code) => (/** @type {unknown} */ text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : String(text));

export const bold = paint("1");
export const dim = paint("2");
export const red = paint("31");
export const green = paint("32");
export const yellow = paint("33");
export const cyan = paint("36");

/** @param {string} text */
export const print = (text = "") => process.stdout.write(`${text}\n`);
/** @param {string} text */
export const printError = (text) => process.stderr.write(`${text}\n`);

/** @param {number} milliseconds */
export const duration = (milliseconds) =>
  milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Digits in groups of three. @param {number} value */
export const count = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** An argument as a shell would read it back. @param {string} text */
export const shellQuote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** @param {string} text @param {string} [prefix] */
export const indent = (text, prefix = "    ") =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => prefix + line)
    .join("\n");

/** The beginning of a long report. @param {string} text @param {number} [limit] lines */
export function beginning(text, limit = 150) {
  const lines = text.trimEnd().split("\n");
  return lines.length <= limit
    ? lines.join("\n")
    : [...lines.slice(0, limit), `… and ${lines.length - limit} more lines`].join("\n");
}
