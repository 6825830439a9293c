/** Measures how long each stage of a build takes. */

/** `fingerprint`: contents compared where the stat key does not settle it, and hashed for a remote cache; `publish`: the successor prepared and renamed; `remote`: a remote cache asked, read and filled; `state`: state read and written. */
export type Stage = (typeof STAGES)[number];

/** In the order in which a report names them; an update comes back to some. */
const STAGES = ["state", "select", "fingerprint", "plan", "serialize", "link", "publish", "remote"] as const;

export class StageTimer {
  readonly #begin = performance.now();
  readonly #stages: Partial<Record<Stage, number>> = {};
  #current: { readonly stage: Stage; readonly begin: number } | undefined;

  /** Ends the running stage, if any; a stage that is entered again goes on counting. */
  start(stage: Stage): void {
    this.#stop();
    this.#current = { stage, begin: performance.now() };
  }

  /** Milliseconds in all and a stage. */
  finish(): { readonly durationMs: number; readonly stages: Readonly<Partial<Record<Stage, number>>> } {
    this.#stop();
    const stages: Partial<Record<Stage, number>> = {};
    for (const stage of STAGES) if (this.#stages[stage] !== undefined) stages[stage] = this.#stages[stage];
    return { durationMs: performance.now() - this.#begin, stages };
  }

  #stop(): void {
    if (this.#current === undefined) return;
    const { stage, begin } = this.#current;
    this.#stages[stage] = (this.#stages[stage] ?? 0) + performance.now() - begin;
    this.#current = undefined;
  }
}
