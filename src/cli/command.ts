/** What a command is, and what it is given. */

import type { BinaryfsError, ErrorCode, Result } from "../errors.js";
import type { StandardOutput } from "./output.js";
import type { OptionSpec, ParsedArguments } from "./parse-options.js";

export interface CommandContext {
  readonly parsed: ParsedArguments;
  readonly out: StandardOutput;
  /** Number of `-v`. */
  readonly verbosity: number;
  readonly isJson: boolean;
}

export interface Command {
  readonly name: string;
  /** Operands in a usage line. */
  readonly operands: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** Whether `@FILE` arguments are expanded. */
  readonly takesOptionFiles?: boolean;
  /** Further paragraphs of its help. */
  readonly notes?: string;
  /** @returns the exit status */
  run(context: CommandContext): Promise<Result<number>>;
}

/** Mistakes in what was typed, found before anything is done. */
const WRONG_USAGE: readonly ErrorCode[] = ["usage", "bad-host-path", "bad-volume"];

/** Exit status of a failure. */
export const exitStatusOf = (error: BinaryfsError): number => (WRONG_USAGE.includes(error.code) ? 2 : 1);
