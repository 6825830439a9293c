/** Parses one command's arguments into ordered options and operands: the order of `-i` and `-e` has a meaning. */

import { fail, ok, type Result } from "../errors.js";
import { toText } from "./raw-arguments.js";

export interface OptionSpec {
  /** Without dashes. */
  readonly long: string;
  /** Other long spellings. */
  readonly aliases?: readonly string[];
  /** One character. */
  readonly short?: string;
  /** Name of the value in help; absent for a flag. */
  readonly value?: string;
  readonly summary: string;
  /** Where a second value would silently win over the first, giving two is a mistake. */
  readonly once?: boolean;
  /** Help does not name it. */
  readonly isHidden?: boolean;
}

export interface ParsedOption {
  readonly name: string;
  /** One character a byte; "" for a flag. */
  readonly value: string;
}

export interface ParsedArguments {
  readonly options: readonly ParsedOption[];
  readonly operands: readonly string[];
  /** What follows `--`; undefined without one. */
  readonly rest: readonly string[] | undefined;
}

/**
 * GNU conventions: `--name=value`, `--name value`, `-nvalue`, `-n value`, `-xyz` for three flags; options and operands mix; `--` ends options.
 * @returns `usage` with what is wrong as detail
 */
export function parseOptions(args: readonly string[], specs: readonly OptionSpec[]): Result<ParsedArguments> {
  const options: ParsedOption[] = [];
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] as string;
    if (argument === "--") return checked({ options, operands, rest: args.slice(at + 1) }, specs);
    if (argument === "-" || !argument.startsWith("-")) {
      operands.push(argument);
      continue;
    }
    const found = argument.startsWith("--") ? parseLong(argument, specs) : parseShort(argument, specs);
    if (!found.ok) return found;
    options.push(...found.value.flags);
    const { needsValue } = found.value;
    if (needsValue === undefined) continue;
    const value = args[++at];
    if (value === undefined) return usage(`${toText(argument)} needs a value`);
    options.push({ name: needsValue, value });
  }
  return checked({ options, operands, rest: undefined }, specs);
}

/** No option has a use for an empty value: most often a script's variable was not set. */
function checked(parsed: ParsedArguments, specs: readonly OptionSpec[]): Result<ParsedArguments> {
  for (const spec of specs) {
    const values = valuesOf(parsed, spec.long);
    if (spec.value !== undefined && values.includes("")) return usage(`--${spec.long} is given an empty value`);
    if (spec.once === true && values.length > 1) return usage(`--${spec.long} is given twice`);
  }
  return ok(parsed);
}

interface Found {
  readonly flags: readonly ParsedOption[];
  /** Name of the option whose value is the next argument. */
  readonly needsValue?: string;
}

function parseLong(argument: string, specs: readonly OptionSpec[]): Result<Found> {
  const equals = argument.indexOf("=");
  const name = argument.slice(2, equals < 0 ? undefined : equals);
  const spec = specs.find((candidate) => candidate.long === name || candidate.aliases?.includes(name));
  if (spec === undefined) {
    return usage(`unknown option --${toText(name)}`);
  }
  if (spec.value === undefined) {
    return equals < 0 ? ok({ flags: [{ name: spec.long, value: "" }] }) : usage(`--${spec.long} takes no value`);
  }
  if (equals < 0) return ok({ flags: [], needsValue: spec.long });
  return ok({ flags: [{ name: spec.long, value: argument.slice(equals + 1) }] });
}

function parseShort(argument: string, specs: readonly OptionSpec[]): Result<Found> {
  const flags: ParsedOption[] = [];
  for (let at = 1; at < argument.length; at++) {
    const letter = argument[at] as string;
    const spec = specs.find((candidate) => candidate.short === letter);
    if (spec === undefined) return usage(`unknown option -${toText(letter)}`);
    if (spec.value === undefined) {
      flags.push({ name: spec.long, value: "" });
      continue;
    }
    if (at + 1 === argument.length) return ok({ flags, needsValue: spec.long });
    flags.push({ name: spec.long, value: argument.slice(at + 1) });
    break;
  }
  return ok({ flags });
}

const usage = (detail: string) => fail("usage", { detail });

/** Values of one option in their order. */
export const valuesOf = (parsed: ParsedArguments, name: string): string[] =>
  parsed.options.filter((option) => option.name === name).map((option) => option.value);

/** The last value, which wins. */
export const lastOf = (parsed: ParsedArguments, name: string): string | undefined => valuesOf(parsed, name).at(-1);

export const countOf = (parsed: ParsedArguments, name: string): number => valuesOf(parsed, name).length;
