/** Every failure that the engine can report, as data: wording lives in `cli/wording.ts` alone. */

/** A code that scripts may rely on; kebab-case, never renamed. */
export type ErrorCode =
  | "usage"
  | "root-missing"
  | "root-not-directory"
  | "include-outside-root"
  | "nothing-selected"
  | "pattern-unmatched"
  | "unreadable"
  | "input-changed"
  | "input-missing"
  | "path-conflict"
  | "prefix-mismatch"
  | "bad-shard"
  | "name-too-long"
  | "unsupported-node"
  | "xattr-too-large"
  | "image-too-large"
  | "bad-host-path"
  | "bad-volume"
  | "bad-config"
  | "secrets-selected"
  | "output-inside-root"
  | "output-unwritable"
  | "output-exists"
  | "state-unusable"
  | "no-space"
  | "compiler-missing"
  | "compiler-failed"
  | "gcc-limit"
  | "template-missing"
  | "not-a-library"
  | "library-truncated"
  | "bad-image"
  | "digest-mismatch"
  | "path-not-found"
  | "not-a-file"
  | "extract-refused"
  | "io"
  | "interrupted";

/** One expected failure. `path` is bytes, since names need not be UTF-8; `detail` is a fact (an errno name, a limit, a pattern), never a sentence. */
export interface BinaryfsError {
  readonly code: ErrorCode;
  readonly path?: Buffer;
  readonly detail?: string;
  /** Where several are concerned: all of them, `path` among them. */
  readonly paths?: readonly Buffer[];
  readonly cause?: unknown;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: BinaryfsError };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export const fail = (
  code: ErrorCode,
  facts: Omit<BinaryfsError, "code"> = {},
): { ok: false; error: BinaryfsError } => ({
  ok: false,
  error: { code, ...facts },
});
