/** After which failures watching goes on, and when it tries again. */

import type { ErrorCode } from "../errors.js";
import type { Retry } from "./machine.js";

/** No event tells of the end of these: it lies outside the tree. */
const OUTSIDE: readonly ErrorCode[] = [
  "no-space",
  "io",
  "output-unwritable",
  "output-exists",
  "state-unusable",
  "template-missing",
  "compiler-missing",
];

export function retryAfter(code: ErrorCode): Retry {
  if (code === "input-changed") return "soon";
  return OUTSIDE.includes(code) ? "later" : "event";
}

/** What may well be mended while it is watched; all else, at the start, is a mistake in what was asked for. */
const TRANSIENT: readonly ErrorCode[] = [
  "input-changed",
  "unreadable",
  "nothing-selected",
  "pattern-unmatched",
  "secrets-selected",
  "name-too-long",
  "unsupported-node",
  "xattr-too-large",
  "image-too-large",
  "no-space",
  "io",
];

export const endsAtStart = (code: ErrorCode): boolean => !TRANSIENT.includes(code);
