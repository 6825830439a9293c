/** Runs commands: with the terminal, or collecting what they print. */
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter } from "node:path";
import { projectRoot } from "./project.mjs";

/**
 * @typedef {object} Outcome
 * @property {number} status exit status; 128 + signal number is reported by shells, here a signal gives 255; 127 where the command is absent
 * @property {string} stdout
 * @property {string} stderr
 * @property {string} output both streams in the order they arrived
 * @property {number} milliseconds wall-clock time
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, show?: boolean, input?: string }} [options]
 *   `show`: the command writes to the terminal itself and nothing is collected
 * @returns {Promise<Outcome>}
 */
export function run(command, args, { cwd = projectRoot, env = {}, show = false, input } = {}) {
  const started = performance.now();
  const { promise, resolve } = /** @type {{ promise: Promise<Outcome>, resolve: (o: Outcome) => void }} */ (deferred());
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: [input === undefined ? "ignore" : "pipe", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
  });
  let stdout = "";
  let stderr = "";
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    stderr += text;
    output += text;
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const finish = (/** @type {number} */ status) =>
    resolve({ status, stdout, stderr, output, milliseconds: performance.now() - started });
  child.on("error", (error) => {
    output += error.message;
    finish(127);
  });
  child.on("close", (code) => finish(code ?? 255));
  return promise;
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred() {
  /** @type {(value: any) => void} */
  let resolve = () => {};
  const promise = new Promise((r) => {
    resolve = r;
  });
  return { promise, resolve };
}

/**
 * @param {string} name a command
 * @returns {string | undefined} where PATH has it
 */
export function which(name) {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const candidate = `${directory}/${name}`;
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {}
  }
  return undefined;
}

/** A development tool of this checkout. @param {string} name */
export const localTool = (name) => `${projectRoot}/node_modules/.bin/${name}`;
