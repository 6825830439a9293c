/** The options of each command, and what help says about them. */

import type { OptionSpec } from "./parse-options.js";

export const HELP: OptionSpec = { long: "help", short: "h", summary: "show this help" };
export const VERBOSE: OptionSpec = { long: "verbose", short: "v", summary: "say more; twice: with stack traces" };
export const JSON_LINES: OptionSpec = { long: "json", summary: "one JSON object a line on standard output" };
const CC: OptionSpec = {
  long: "cc",
  value: "CMD",
  summary: 'compiler command, such as musl-gcc or "scone gcc" (default: gcc)',
};
export const OUTPUT_LIBRARY: OptionSpec = {
  long: "output",
  short: "o",
  value: "LIB.so",
  summary: "the library to write",
  once: true,
};
const OUTPUT_DIRECTORY: OptionSpec = {
  long: "output",
  short: "o",
  value: "DIR",
  summary: "directory of the three artefacts, or a NAME.c",
  once: true,
};

/** Options that a selection file may hold. */
export const SELECTION_RULES: readonly OptionSpec[] = [
  {
    long: "include",
    short: "i",
    value: "GLOB",
    summary: "take what matches, as seen from ROOT; a directory with all beneath it",
  },
  { long: "exclude", short: "e", value: "GLOB", summary: "leave out what matches; the last matching rule wins" },
  { long: "ignore-file", value: "FILE", summary: "leave out what a file in gitignore syntax names" },
  { long: "host-path", value: "PATH", summary: "let PATH of the host through, unprotected" },
  { long: "volume", value: "GUEST[=HOST]", summary: "a directory that persists on the host" },
];

export const SELECTION: readonly OptionSpec[] = [
  ...SELECTION_RULES,
  {
    long: "preserve-symbolic-links",
    short: "p",
    summary: "keep symlinks as they are instead of rewriting them for ROOT as /",
  },
  { long: "strict", summary: "a pattern that matches nothing is an error" },
  { long: "specials", value: "skip|keep", summary: "fifos and device nodes (default: skip, with a warning)" },
  { long: "xattrs", value: "GLOB", summary: "keep extended attributes whose names match" },
  {
    long: "selection",
    value: "FILE",
    summary: "read rules from FILE, one a line: `-i GLOB`, `-e GLOB`, or just a path",
  },
  { long: "config", value: "FILE", summary: "configuration (default: binaryfs.config.{ts,js,json} if there is one)" },
  { long: "allow-secrets", value: "GLOB", summary: "pack matching files although they look like secrets" },
  {
    long: "mtime",
    value: "keep|clamp|EPOCH",
    summary: "modification times (default: keep; SOURCE_DATE_EPOCH sets clamp)",
  },
  { long: "owner", value: "keep|root", summary: "user and group ids (default: keep)" },
  { long: "sealed", summary: "let `run` add no host path and no volume" },
];

const ENGINE: readonly OptionSpec[] = [
  {
    long: "layout",
    value: "stable|compact",
    summary: "stable: edits stay local (default, but for pack); compact: smallest",
  },
  {
    long: "state",
    value: "DIR",
    summary: "where what speeds up the next build is kept (default: the cache directory)",
  },
  { long: "no-state", summary: "keep nothing between builds" },
];

export const REMOTE: readonly OptionSpec[] = [
  {
    long: "remote-cache",
    value: "URL",
    summary: "look for the library in a cache that speaks Bazel's HTTP protocol, and store it there",
  },
  { long: "remote-cache-read-only", summary: "store nothing in the remote cache" },
  {
    long: "remote-timeout",
    value: "SECONDS",
    summary: "when the remote cache counts as away (default: 10)",
  },
];

export const BUILD_OPTIONS: readonly OptionSpec[] = [
  OUTPUT_LIBRARY,
  ...SELECTION,
  ...ENGINE,
  ...REMOTE,
  { long: "linker", value: "native|gcc", summary: "native needs no compiler (default)" },
  CC,
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const PACK_OPTIONS: readonly OptionSpec[] = [
  OUTPUT_DIRECTORY,
  ...SELECTION,
  ...ENGINE,
  // Known, so that it can be said what they are for.
  ...REMOTE.map((option) => ({ ...option, isHidden: true })),
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const WATCH_OPTIONS: readonly OptionSpec[] = [
  ...BUILD_OPTIONS.filter((option) => option !== JSON_LINES && option !== VERBOSE && option !== HELP),
  { long: "kill-after", value: "SECONDS", summary: "how long CMD may take to end before it is killed (default: 5)" },
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const CACHE_OPTIONS: readonly OptionSpec[] = [
  { long: "state", value: "DIR", summary: "the state directory that builds were given (default: the cache directory)" },
  { long: "limit", value: "SIZE", summary: "for gc: most bytes to keep, such as 500M or 2G (default: 10G)" },
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const LINK_OPTIONS: readonly OptionSpec[] = [OUTPUT_LIBRARY, CC, JSON_LINES, VERBOSE, HELP];

export const RUN_OPTIONS: readonly OptionSpec[] = [
  { long: "volume", value: "GUEST=HOST", summary: "mount host directory HOST at GUEST; it persists" },
  { long: "host-path", value: "PATH", summary: "let PATH of the host through" },
  { long: "overlay-size", value: "SIZE", summary: "most bytes that may be written in memory, such as 512M or 1G" },
  { long: "env", value: "KEY=VALUE", summary: "set a variable for the program" },
  { long: "hermetic", summary: "take nothing from the host, not even the program and its libraries" },
  {
    long: "export-overlay",
    value: "DIR",
    once: true,
    summary: "when the program has ended, save what the run wrote as DIR, which packs into a layer above LIB",
  },
  VERBOSE,
  HELP,
];

const NULL_ENDED: OptionSpec = { long: "null", short: "0", summary: "end each path with NUL instead of a newline" };
export const LIST_OPTIONS: readonly OptionSpec[] = [
  { long: "long", short: "l", summary: "with type, mode, owner, size and time" },
  NULL_ENDED,
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const TREE_OPTIONS: readonly OptionSpec[] = [
  { long: "depth", short: "L", value: "N", summary: "go down at most N levels" },
  VERBOSE,
  HELP,
];
export const STAT_OPTIONS: readonly OptionSpec[] = [JSON_LINES, VERBOSE, HELP];
export const CAT_OPTIONS: readonly OptionSpec[] = [VERBOSE, HELP];
export const DU_OPTIONS: readonly OptionSpec[] = [
  { long: "all", short: "a", summary: "count every file, not only directories" },
  { long: "depth", short: "d", value: "N", summary: "print down to N levels (default: 1)" },
  { long: "bytes", short: "b", summary: "plain numbers" },
  NULL_ENDED,
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const EXTRACT_OPTIONS: readonly OptionSpec[] = [
  {
    long: "output",
    short: "o",
    value: "DIR",
    summary: "new or empty directory (default: the library's name without .so)",
    once: true,
  },
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const VERIFY_OPTIONS: readonly OptionSpec[] = [
  { long: "digest", value: "D", summary: "fail unless the library digest is D (sha256:… or hex)" },
  JSON_LINES,
  VERBOSE,
  HELP,
];
export const CHECK_OPTIONS: readonly OptionSpec[] = [JSON_LINES, VERBOSE, HELP];

/** `binaryfs ROOT OUTPUT …`: the entire set, in which -h is no help. */
export const SCONE_OPTIONS: readonly OptionSpec[] = [
  { long: "include", short: "i", value: "PATTERN", summary: "take what matches, as seen from ROOT; `*` crosses `/`" },
  { long: "exclude", short: "e", value: "PATTERN", summary: "leave out what matches; the last matching rule wins" },
  { long: "host-path", short: "h", value: "PATH", summary: "let PATH of the host through, unprotected" },
  { long: "preserve-symbolic-links", short: "p", summary: "keep symlinks as they are" },
  { long: "verbose", short: "v", summary: "say more" },
  { long: "help", summary: "show this help" },
];
