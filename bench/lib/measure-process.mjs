/** Runs a command and takes its time and the most memory it had resident. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";

/** Accounts for the process alone, which Node's own figures of its children do not. */
const timeCommand = "/usr/bin/time";
const samplingMs = 10;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** Ends what still runs. */
export function killChildren() {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/**
 * A child that leads a process group, so that `killChildren` reaches what it starts.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 */
export function start(command, args, options) {
  const child = spawn(command, args, { ...options, detached: true });
  running.add(child);
  const ended = () => running.delete(child);
  child.once("exit", ended);
  child.once("error", ended);
  return child;
}

/**
 * @typedef {object} Measured
 * @property {number} milliseconds from before the start until the process is gone
 * @property {number | undefined} peakBytes most resident memory, where it was asked for
 * @property {string} stdout empty where it was discarded
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ memoryFile?: string, discard?: boolean, env?: Record<string, string> }} [options]
 *   `memoryFile`: a path to write in, which asks for `peakBytes`; `discard`: standard output goes to /dev/null
 * @returns {Promise<Measured>} rejected where the command fails
 */
export function measureProcess(command, args, { memoryFile, discard = false, env = {} } = {}) {
  const usesTime = memoryFile !== undefined && existsSync(timeCommand);
  const words = usesTime ? [timeCommand, "-f", "%M", "-o", memoryFile, command, ...args] : [command, ...args];
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = start(words[0] ?? "", words.slice(1), {
      stdio: ["ignore", discard ? "ignore" : "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let stdout = "";
    let stderr = "";
    let peakBytes = 0;
    let milliseconds = 0;
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    const sample = () => {
      peakBytes = Math.max(peakBytes, memoryOf(child.pid).peakBytes ?? 0);
    };
    const sampler = memoryFile !== undefined && !usesTime ? setInterval(sample, samplingMs) : undefined;
    child.once("exit", () => {
      milliseconds = performance.now() - started;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearInterval(sampler);
      if (usesTime) {
        peakBytes = Number(readFileSync(memoryFile, "utf8").trim().split("\n").at(-1)) * 1024;
        rmSync(memoryFile, { force: true });
      }
      if (code === 0) resolve({ milliseconds, peakBytes: memoryFile === undefined ? undefined : peakBytes, stdout });
      else
        reject(
          new Error(`${command} ended with ${signal ?? `status ${code}`}: ${(stderr || stdout).trim().slice(-2000)}`),
        );
    });
  });
}

/**
 * Resident memory of a running process, in bytes; undefined where there is none.
 * @param {number | undefined} pid
 * @returns {{ residentBytes: number | undefined, peakBytes: number | undefined }}
 */
export function memoryOf(pid) {
  let status = "";
  try {
    status = readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {}
  const field = (/** @type {string} */ name) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  return { residentBytes: field("VmRSS"), peakBytes: field("VmHWM") };
}
