/** Measures how long each stage of a build takes. */

export type Stage = "select" | "plan" | "serialize" | "link";

export class StageTimer {
  readonly #begin = performance.now();
  readonly #stages: Partial<Record<Stage, number>> = {};
  #current: { readonly stage: Stage; readonly begin: number } | undefined;

  /** Ends the running stage, if any. */
  start(stage: Stage): void {
    this.#stop();
    this.#current = { stage, begin: performance.now() };
  }

  /** Milliseconds in all and a stage. */
  finish(): { readonly durationMs: number; readonly stages: Readonly<Partial<Record<Stage, number>>> } {
    this.#stop();
    return { durationMs: performance.now() - this.#begin, stages: this.#stages };
  }

  #stop(): void {
    if (this.#current === undefined) return;
    this.#stages[this.#current.stage] = performance.now() - this.#current.begin;
    this.#current = undefined;
  }
}
