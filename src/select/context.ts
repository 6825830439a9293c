/** What decides a selection besides the tree itself: options checked, ROOT found, patterns expanded, ignore files read. */

import { ok, type Result } from "../errors.js";
import type { Declarations, MtimePolicy, OwnerPolicy } from "../model.js";
import { type DeclarationOptions, declare } from "./declarations.js";
import { type IsIgnored, readIgnoreFiles } from "./ignore-files.js";
import type { LinkContext } from "./links.js";
import { type OwnOutputIn, ownOutput } from "./own-output.js";
import { type PathLike, toLatin1 } from "./paths.js";
import { linkContext, openRoot, type Root, rootView } from "./root.js";
import { type Rule, RuleSet } from "./rules.js";

export interface SelectOptions extends DeclarationOptions {
  /** Directory that becomes `/`. */
  readonly root: PathLike;
  /** Ordered; the last match wins. Without any include the whole of ROOT is selected. Globs: see `expandPattern` and `Glob`. */
  readonly rules?: readonly Rule[];
  /** gitignore(5) files; they take away from what the rules select. */
  readonly ignoreFiles?: readonly PathLike[];
  /** Keep symlink bodies as they are. Default: rewrite those that would not resolve once ROOT is `/` (`resolveLink`). */
  readonly preserveSymlinks?: boolean;
  /** A pattern without a match is an error. Default: a warning. */
  readonly strict?: boolean;
  /** Fifos, sockets and device nodes. Default: skip, with a warning. */
  readonly specials?: "skip" | "keep";
  /** Globs over full names of extended attributes (`user.*`). Default: none is taken. */
  readonly xattrs?: readonly PathLike[];
  /** Default: keep. */
  readonly mtime?: MtimePolicy;
  /** Default: keep. */
  readonly owner?: OwnerPolicy;
  /** Host paths, absolute, that the build will write: never selected, nor their temporaries. */
  readonly outputs?: readonly Buffer[];
  /** What names of secrets (`.env`, `id_rsa`, `.git` …) are. Default: error. */
  readonly secrets?: "error" | "warn";
  /** Globs of secrets that are meant to be selected. */
  readonly allowSecrets?: readonly PathLike[];
  readonly onProgress?: (nodes: number) => void;
}

/** The runtime answers these itself. */
const RUNTIME_PATHS = ["/proc", "/dev", "/sys"];

export interface SelectionContext {
  readonly options: SelectOptions;
  readonly root: Root;
  readonly declarations: Declarations;
  readonly rules: RuleSet;
  readonly isIgnored: IsIgnored;
  /** Whether paths decide anything: without rules and ignore files everything is selected. */
  readonly decides: boolean;
  readonly ownOutputIn: OwnOutputIn;
  readonly links: LinkContext;
  /** Guest paths of doors. */
  readonly doors: readonly string[];
  /** Guest paths that exist at run time without being in the image; links may lead there. */
  readonly provided: readonly string[];
  /** Canonical text of all of it. */
  readonly key: string;
}

/** Errors: `bad-host-path`, `bad-volume`, `root-missing`, `root-not-directory`, `unreadable`, `include-outside-root`, `usage`. */
export function openContext(options: SelectOptions): Result<SelectionContext> {
  const declarations = declare(options);
  if (!declarations.ok) return declarations;
  const root = openRoot(options.root);
  if (!root.ok) return root;
  const ignored = readIgnoreFiles(options.ignoreFiles ?? []);
  if (!ignored.ok) return ignored;
  const links = linkContext(root.value, options.preserveSymlinks ?? false);
  const rules = RuleSet.create(options.rules ?? [], rootView(root.value.host, links));
  if (!rules.ok) return rules;
  const { hostPaths, volumes } = declarations.value;
  const doors = [...hostPaths, ...volumes.map(({ guest }) => guest)].map((path) => path.toString("latin1"));
  return ok({
    options,
    root: root.value,
    declarations: declarations.value,
    rules: rules.value,
    isIgnored: ignored.value.isIgnored,
    decides: !rules.value.isEmpty || ignored.value.contents.length > 0,
    ownOutputIn: ownOutput(options.outputs ?? []),
    links,
    doors,
    provided: [...RUNTIME_PATHS, ...doors],
    key: keyOf(options, root.value, declarations.value, rules.value, ignored.value.contents),
  });
}

function keyOf(
  options: SelectOptions,
  { host, named }: Root,
  { hostPaths, volumes, sealed }: Declarations,
  rules: RuleSet,
  ignored: readonly string[],
): string {
  const texts = (paths: readonly PathLike[] = []): string[] => paths.map(toLatin1);
  return JSON.stringify({
    host,
    named,
    // As written too: warnings cite them, and secrets may be named by them.
    rules: (options.rules ?? []).map(({ kind, pattern }) => [kind, toLatin1(pattern)]),
    expanded: rules.canonical,
    ignored,
    preserveSymlinks: options.preserveSymlinks ?? false,
    strict: options.strict ?? false,
    specials: options.specials ?? "skip",
    xattrs: texts(options.xattrs),
    mtime: options.mtime?.kind ?? "keep",
    epochSeconds: options.mtime !== undefined && options.mtime.kind !== "keep" ? options.mtime.epochSeconds : 0,
    owner: options.owner ?? "keep",
    outputs: texts(options.outputs),
    secrets: options.secrets ?? "error",
    allowSecrets: texts(options.allowSecrets),
    hostPaths: texts(hostPaths),
    volumes: volumes.map(({ guest, host: at }) => [toLatin1(guest), at === undefined ? null : toLatin1(at)]),
    sealed,
  });
}
