/** What tests of the remote cache share: trees that take several pieces, and builds as on several machines. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import { contentOf } from "../support/editing.js";
import { built, firstDifference } from "../support/incremental.js";

/** Six files of a few MiB, so that there are several pieces, and a directory of small ones. */
export function makeTree(root: string): void {
  mkdirSync(join(root, "small"), { recursive: true });
  for (let index = 0; index < 6; index++)
    writeFileSync(join(root, `large${index}`), contentOf(3_000_000 + index, index + 1));
  for (let index = 0; index < 40; index++)
    writeFileSync(join(root, "small", `f${index}`), contentOf(500 + 300 * index, index + 9));
}

export class Scene {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-remote-")));
  readonly root = join(this.directory, "root");
  #machines = 0;

  constructor() {
    makeTree(this.root);
  }

  /** Another output with another state: what another machine would have, but for the tree. */
  machine(remoteCache: BuildOptions["remoteCache"], more: Partial<BuildOptions> = {}): Machine {
    const place = join(this.directory, `machine${++this.#machines}`);
    mkdirSync(place);
    return new Machine(place, { root: this.root, ...more, ...(remoteCache !== undefined && { remoteCache }) });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export class Machine {
  readonly output: string;
  readonly options: BuildOptions;
  readonly #clean: string;

  constructor(place: string, options: Omit<BuildOptions, "output">) {
    this.output = join(place, "lib.so");
    this.#clean = join(place, "clean.so");
    this.options = { ...options, output: this.output, state: join(place, "state") };
  }

  build(more: Partial<BuildOptions> = {}): Promise<BuildReport> {
    return built({ ...this.options, ...more });
  }

  /** Where its library begins to differ from a clean build's; undefined if nowhere. */
  async difference(): Promise<number | undefined> {
    const { remoteCache: _, ...options } = this.options;
    rmSync(this.#clean, { force: true });
    await built({ ...options, output: this.#clean, state: false });
    return firstDifference(this.output, this.#clean);
  }
}

/** Codes of warnings about the cache. */
export const remoteWarnings = ({ warnings }: BuildReport): string[] =>
  warnings.map(({ code }) => code).filter((code) => code.startsWith("remote-cache"));
