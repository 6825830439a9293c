/** All text that people read: failures, warnings, summaries. Help stands in `help.ts`. */

import type { BinaryfsError, ErrorCode } from "../errors.js";
import type { Warning, WarningCode } from "../model.js";
import { escapePath, jsonPath } from "./output.js";

interface Wording {
  /** What happened; the path follows in parentheses. */
  readonly what: (error: BinaryfsError) => string;
  /** What to do about it. */
  readonly remedy: string | ((error: BinaryfsError) => string);
}

const plain = (what: string) => (error: BinaryfsError) => (error.detail ? `${what}: ${error.detail}` : what);

const LOOKUP_FAILURES: Readonly<Record<string, string>> = {
  ENOTDIR: "a part of the path is no directory",
  ELOOP: "too many symlinks",
};

const STATE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EEXIST: "it is no directory",
  ENOTDIR: "it is no directory",
  owner: "it belongs to another user",
  writable: "other users may write to it",
};

const ERRORS: Readonly<Record<ErrorCode, Wording>> = {
  usage: { what: (error) => error.detail ?? "wrong usage", remedy: "See `binaryfs --help`." },
  "root-missing": { what: () => "the root does not exist", remedy: "Name an existing directory as ROOT." },
  "root-not-directory": { what: () => "the root is not a directory", remedy: "Name a directory as ROOT." },
  "include-outside-root": {
    what: plain("an include leads outside the root"),
    remedy: "Patterns are paths as seen from ROOT: write them from there, without `..` that leaves it.",
  },
  "nothing-selected": {
    what: (error) =>
      error.detail ? `the selection is empty: nothing matches ${error.detail}` : "the selection is empty",
    remedy: "Check the patterns: they are paths as seen from ROOT, and quote them so that the shell leaves `*` alone.",
  },
  "pattern-unmatched": {
    what: plain("a pattern matches nothing"),
    remedy: "Correct or remove it, or leave out --strict. Patterns are paths as seen from ROOT, such as `/usr/lib/*`.",
  },
  unreadable: {
    what: plain("cannot read"),
    remedy: ({ detail }) =>
      detail === "ENOENT"
        ? "Name a file that exists, from the working directory or absolute."
        : "Give this user the right to read it; what is only to be packed may be excluded with `-e`.",
  },
  "input-changed": {
    what: plain("a file kept changing while it was packed"),
    remedy: "Stop what writes to it, or exclude it with `-e`, and build again.",
  },
  "name-too-long": { what: plain("a name is longer than 255 bytes"), remedy: "Rename it or exclude it with `-e`." },
  "unsupported-node": {
    what: plain("this kind of file cannot be packed"),
    remedy: "Exclude it with `-e`, or skip special files with `--specials skip`.",
  },
  "xattr-too-large": {
    what: plain("an extended attribute does not fit"),
    remedy: "Values end at 65,535 bytes: leave it out with a narrower `--xattrs`.",
  },
  "image-too-large": {
    what: plain("the image is too large"),
    remedy: "Select less, or split it into several libraries.",
  },
  "bad-host-path": {
    what: plain("not a usable host path"),
    remedy: "Host paths are absolute, without `..`, and neither `/` nor in /proc: `--host-path /etc/resolv.conf`.",
  },
  "bad-volume": {
    what: plain("not a usable volume"),
    remedy: "Write `--volume /guest` or `--volume /guest=/host`, both absolute; GUEST is neither `/` nor in /proc.",
  },
  "bad-config": {
    what: plain("the configuration is wrong"),
    remedy: "Correct it; docs/cli.md lists what may stand there.",
  },
  "secrets-selected": {
    what: ({ detail }) =>
      detail === "1"
        ? "the selection takes what looks like a secret"
        : `the selection takes ${detail} names that look like secrets`,
    remedy: "Exclude them with `-e`, include them by their full names, or allow them with `--allow-secrets GLOB`.",
  },
  "output-inside-root": {
    what: plain("the output lies inside the selected tree"),
    remedy: "Write it elsewhere, or exclude its place with `-e`.",
  },
  "input-missing": {
    what: plain("an input is not there"),
    remedy: "Make it, or take it out of what is to be packed.",
  },
  "path-conflict": {
    what: ({ detail }) =>
      detail ? `this path lies beneath ${detail}, which is no directory` : "two inputs for one path",
    remedy: "Give one of them another place, or leave it out.",
  },
  "prefix-mismatch": {
    what: ({ detail }) => `a path does not begin with what is to be stripped: ${detail ?? ""}`,
    remedy: "Take it out of the sources, or strip a prefix that all of them have.",
  },
  "bad-shard": {
    what: plain("not a shard of this version"),
    remedy: "Let the build system make it again (for Bazel: `bazel clean`).",
  },
  "output-unwritable": {
    what: plain("cannot write the output"),
    remedy: "Name a place in an existing directory that this user may write to.",
  },
  "state-unusable": {
    what: (error) => `the state directory cannot be used: ${STATE_FAULTS[error.detail ?? ""] ?? error.detail ?? ""}`,
    remedy: "Name another with `--state DIR`, or keep nothing with `--no-state`.",
  },
  "output-exists": {
    what: (error) => `the output is there already${error.detail ? ` as ${error.detail}` : ""}, and is not replaced`,
    remedy: "Name a new file or a regular one.",
  },
  "no-space": { what: plain("no space left"), remedy: "Free some space or name an output on another file system." },
  "compiler-missing": {
    what: plain("the compiler cannot be run"),
    remedy: "Install it or name another with `--cc`; `binaryfs build` without `--linker gcc` needs none.",
  },
  "compiler-failed": {
    what: plain("the compiler failed"),
    remedy: "These are its last words. `binaryfs build` without `--linker gcc` needs no compiler.",
  },
  "gcc-limit": {
    what: plain("the compiler cannot carry an image of this size"),
    remedy: "Use `binaryfs build` with `--linker native`, which has no such limit.",
  },
  "template-missing": {
    what: plain("the runtime is not built"),
    remedy: "Run `npm run build` in the checkout, or install the package again.",
  },
  "not-a-library": {
    what: plain("not a binaryfs library"),
    remedy: "Name a library that `binaryfs build` or `binaryfs link` made.",
  },
  "library-truncated": { what: plain("the library is cut short"), remedy: "Copy it again in full, or build it again." },
  "bad-image": {
    what: plain("the image is damaged"),
    remedy: "Do not use it: get the library from its source again, or build it again.",
  },
  "digest-mismatch": {
    what: plain("the digest differs"),
    remedy: "This is not the library that was measured: find out which of both is the right one.",
  },
  "path-not-found": {
    what: (error) => LOOKUP_FAILURES[error.detail ?? ""] ?? "no such file or directory",
    // What the host was asked for has a cause; what an image was asked for has none.
    remedy: ({ cause }) =>
      cause === undefined
        ? "Check the path; `binaryfs ls LIB` lists what an image holds."
        : "Name what exists: a library that `binaryfs build` made, a program, or a directory of artefacts.",
  },
  "not-a-file": {
    what: plain("not a regular file"),
    remedy: "Name a file; `binaryfs stat LIB PATH` tells what stands there.",
  },
  "extract-refused": {
    what: plain("refused to extract"),
    remedy: "Extract into a new or empty directory; a name that leads out of it is never written.",
  },
  io: { what: plain("input or output failed"), remedy: "Check the file, its permissions and its device." },
  interrupted: { what: () => "interrupted before it was done", remedy: "The output is as it was before." },
};

/**
 * Two lines: `binaryfs: CODE: what (path)` and what to do.
 * @param command whose usage was wrong
 */
export function describeError(error: BinaryfsError, command?: string): string {
  return `binaryfs: ${error.code}: ${errorMessage(error)}\n  ${remedyOf(error, command)}`;
}

function remedyOf(error: BinaryfsError, command: string | undefined): string {
  if (error.code === "usage" && command !== undefined) return `See \`binaryfs ${command} --help\`.`;
  const { remedy } = ERRORS[error.code];
  return typeof remedy === "string" ? remedy : remedy(error);
}

/** The same as an object of `--json`. */
export function jsonError(error: BinaryfsError, command?: string): object {
  return {
    event: "error",
    code: error.code,
    message: errorMessage(error),
    remedy: remedyOf(error, command),
    ...(error.path && jsonPath(error.path)),
    ...(error.paths && { paths: error.paths.map((path) => jsonPath(path)) }),
  };
}

/** An exception: our own mistake, not the user's. */
export function describeBug(error: unknown, wantsStack: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const stack = wantsStack && error instanceof Error ? `\n${error.stack}` : "";
  return `binaryfs: internal: a mistake in binaryfs: ${oneLine(message)}\n  Please report it with what -vv adds.${stack}`;
}

/** The first line without its prefix. */
function errorMessage(error: BinaryfsError): string {
  const what = ERRORS[error.code].what({
    ...error,
    ...(error.detail !== undefined && { detail: oneLine(error.detail) }),
  });
  if (error.paths !== undefined && error.paths.length > 1) return `${what} (${someOf(error.paths)})`;
  return error.path === undefined ? what : `${what} (${escapePath(error.path)})`;
}

const SHOWN_PATHS = 20;

function someOf(paths: readonly Buffer[]): string {
  const shown = paths.slice(0, SHOWN_PATHS).map(escapePath).join(", ");
  return paths.length > SHOWN_PATHS ? `${shown} and ${paths.length - SHOWN_PATHS} more` : shown;
}

const oneLine = (detail: string): string =>
  escapePath(
    Buffer.from(
      detail
        .split("\n")
        .map((line) => line.trim())
        .join("; "),
    ),
  );

const WARNINGS: Readonly<Record<WarningCode, string>> = {
  "pattern-unmatched": "a pattern, which is a path as seen from ROOT, matches nothing",
  "special-skipped": "skipped a special file (`--specials keep` keeps fifos and device nodes)",
  "mtime-makes-pyc-stale":
    "changed mtimes make .pyc files stale, so that Python recompiles at every start: use `python3 -m compileall --invalidation-mode unchecked-hash`",
  "symlink-leaves-root": "a symlink leads outside the root and will not resolve",
  "symlink-target-unselected":
    "a symlink will dangle, for what it leads to is in ROOT but not selected (add it with `-i`)",
  "door-hides-files": "a host path or volume hides packed files",
  "secrets-selected": "packed what looks like a secret",
  "xattr-skipped": "the image format cannot hold this extended attribute; left out",
  "state-discarded": "what the last build kept could not be used, so everything was built again",
  "state-unusable":
    "nothing can be kept for the next build (name a directory with `--state DIR`, or ask for none with `--no-state`)",
  "remote-cache-off": "the remote cache is not used for the rest of this build",
  "remote-cache-rejected": "the remote cache holds something else than this library, which was built here instead",
};

/** Lines of warnings, the first few of each kind unless all are wanted. */
export function describeWarnings(warnings: readonly Warning[], wantsAll: boolean): string[] {
  return [...new Set(warnings.map(({ code }) => code))].flatMap((code) => {
    const kind = warnings.filter((warning) => warning.code === code);
    const shown = wantsAll ? kind : kind.slice(0, SHOWN_WARNINGS);
    const lines = shown.map((warning) => `binaryfs: warning: ${warningMessage(warning)}`);
    const more = kind.length - shown.length;
    return more === 0 ? lines : [...lines, `binaryfs: warning: ${code}: ${more} more (-v shows all)`];
  });
}

/** A warning as an object of `--json`. */
export const jsonWarning = (warning: Warning): object => ({
  event: "warning",
  code: warning.code,
  message: warningMessage(warning),
  ...(warning.path && jsonPath(warning.path)),
  ...(warning.detail !== undefined && { detail: warning.detail }),
});

const SHOWN_WARNINGS = 10;

function warningMessage(warning: Warning): string {
  const detail = warning.detail === undefined ? "" : `: ${oneLine(warning.detail)}`;
  const path = warning.path === undefined ? "" : ` (${escapePath(warning.path)})`;
  return `${WARNINGS[warning.code] ?? warning.code}${detail}${path}`;
}

/** Another process works with the same state. */
export const describeWait = ({ pid, command }: { readonly pid: number; readonly command: string }): string =>
  `binaryfs: waiting for process ${pid}${command === "" ? "" : ` (${oneLine(command)})`}, which uses the same state directory`;

/** @param setting of the kernel, where one limits watches */
export const pollingMessage = (code: string, setting: string | undefined): string =>
  `the system refuses to watch that many directories (${code}), so the tree is looked at every now and then instead` +
  (setting === undefined ? "" : `; \`sysctl ${setting}\` is the limit`);

/** Bytes for people: 1.5 MiB. */
export function humanBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** "1 segment", "2 segments". */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
