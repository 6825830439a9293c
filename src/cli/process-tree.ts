/** A process and what it started, as /proc tells: a shell that is asked to end may leave its children behind. */

import { readdirSync, readFileSync } from "node:fs";

/** Process ids are used again: the start time tells two of one id apart. */
export interface ProcessMark {
  readonly pid: number;
  /** In clock ticks since boot (proc_pid_stat(5)). */
  readonly started: string;
}

interface Found extends ProcessMark {
  readonly parent: number;
  readonly isOver: boolean;
}

/** The process and all beneath it, itself first; empty when it has ended. */
export function processTree(pid: number): ProcessMark[] {
  const children = new Map<number, Found[]>();
  const own = readProcess(pid);
  if (own === undefined) return [];
  for (const name of readdirSync("/proc")) {
    const found = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (found !== undefined) children.set(found.parent, [...(children.get(found.parent) ?? []), found]);
  }
  const tree: Found[] = [own];
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get((tree[at] as Found).pid) ?? []));
  return tree.map((found) => ({ pid: found.pid, started: found.started }));
}

/** A process that ended and was not waited for is not alive. */
export function isAlive({ pid, started }: ProcessMark): boolean {
  const found = readProcess(pid);
  return found !== undefined && found.started === started && !found.isOver;
}

export function signalProcess(mark: ProcessMark, signal: NodeJS.Signals): void {
  if (!isAlive(mark)) return;
  try {
    process.kill(mark.pid, signal);
  } catch {
    // It has just ended, or is another user's.
  }
}

function readProcess(pid: number): Found | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything.
    const [state, parent, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(parent), started: rest[17] ?? "", isOver: state === "Z" || state === "X" };
  } catch {
    return undefined;
  }
}
