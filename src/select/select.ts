/** Selection: ROOT, rules and policies → the tree to pack. */

import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import type { Declarations, Tree, TreeNode, Warning } from "../model.js";
import type { MtimePolicy, OwnerPolicy } from "./attributes.js";
import { type DeclarationOptions, declare } from "./declarations.js";
import type { RootView } from "./expand.js";
import { literalText } from "./glob.js";
import { readIgnoreFiles } from "./ignore-files.js";
import { type LinkContext, resolveLink } from "./links.js";
import { ownOutput } from "./own-output.js";
import { asText, isWithin, joinPath, normalize, type PathLike, parentOf, toBytes, toLatin1 } from "./paths.js";
import { type Rule, RuleSet } from "./rules.js";
import { findSecrets } from "./secrets.js";
import { unselectedTargets } from "./unselected-targets.js";
import { type Walked, walk } from "./walk.js";
import { workingDirectory } from "./working-directory.js";
import { readXattrs } from "./xattrs.js";

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

/**
 * Parents of selected nodes are selected with their own attributes. A symlink whose target is not selected stays, dangling.
 * The result does not depend on the order in which the file system lists names, nor on locale, umask or time.
 *
 * Errors: `root-missing`, `root-not-directory`, `include-outside-root`, `pattern-unmatched` (strict), `nothing-selected`, `secrets-selected` (`path` the first, `detail` their number, `paths` all), `unreadable`,
 * `input-changed`, `name-too-long`, `xattr-too-large`, `bad-host-path`, `bad-volume`.
 */
export function select(options: SelectOptions): Result<Tree> {
  const declarations = declare(options);
  if (!declarations.ok) return declarations;
  const root = openRoot(options.root);
  if (!root.ok) return root;
  const isIgnored = readIgnoreFiles(options.ignoreFiles ?? []);
  if (!isIgnored.ok) return isIgnored;
  const links = linkContext(root.value, options.preserveSymlinks ?? false);
  const rules = RuleSet.create(options.rules ?? [], rootView(root.value.host, links));
  if (!rules.ok) return rules;

  const provided = [...RUNTIME_PATHS, ...doors(declarations.value)];
  const walked = walk({
    rootHost: root.value.host,
    rules: rules.value,
    isIgnored: isIgnored.value,
    ownOutputIn: ownOutput(options.outputs ?? []),
    specials: options.specials ?? "skip",
    owner: options.owner ?? "keep",
    mtime: options.mtime ?? { kind: "keep" },
    resolveLink: (directory, body) => resolveLink(directory, body, links),
    provided,
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  if (!walked.ok) return walked;
  const unmatched = rules.value.unmatchedPatterns();
  const [first] = unmatched;
  if (options.strict === true && first !== undefined) return fail("pattern-unmatched", { detail: asText(first) });
  if (walked.value.root.children?.length === 0) {
    const patterns = unmatched.length === 0 ? {} : { detail: unmatched.map(asText).join(", ") };
    return fail("nothing-selected", { path: toBytes(root.value.host || "/"), ...patterns });
  }
  const secrets = findSecrets(walked.value.nodes, literalIncludes(options.rules ?? []), options.allowSecrets ?? []);
  const [secret] = secrets;
  if (secret !== undefined && options.secrets !== "warn") {
    return fail("secrets-selected", {
      path: toBytes(secret),
      detail: String(secrets.length),
      paths: secrets.map(toBytes),
    });
  }
  const xattrWarnings = readXattrs(walked.value.nodes, root.value.host, options.xattrs ?? []);
  if (!xattrWarnings.ok) return xattrWarnings;

  return ok({
    root: walked.value.root,
    declarations: declarations.value,
    fileCount: walked.value.fileCount,
    nodeCount: walked.value.nodes.length,
    warnings: [
      ...unmatched.map((pattern): Warning => ({ code: "pattern-unmatched", detail: asText(pattern) })),
      ...walked.value.warnings,
      ...xattrWarnings.value,
      ...secrets.map((path): Warning => ({ code: "secrets-selected", path: toBytes(path) })),
      ...stalePyc(walked.value, options.mtime),
      ...hiddenFiles(walked.value, doors(declarations.value)),
      ...unselectedTargets(walked.value.root, walked.value.nodes, links.exists, provided),
    ],
  });
}

/** Guest paths of includes without wildcards. */
function literalIncludes(rules: readonly Rule[]): Set<string> {
  const includes = rules.filter(({ kind }) => kind === "include");
  const texts = includes.map(({ pattern }) => literalText(toLatin1(pattern)));
  return new Set(texts.flatMap((text) => (text === undefined ? [] : [normalize(text).path])));
}

interface Root {
  /** Normalized host path without symlinks; empty for `/`. */
  readonly host: string;
  /** As it was named, absolute and normalized. */
  readonly named: string;
}

function openRoot(root: PathLike): Result<Root> {
  const given = toLatin1(root);
  const named = normalize(given.startsWith("/") ? given : joinPath(workingDirectory(), given)).path;
  const path = toBytes(named);
  try {
    const host = realpathSync.native(path, "buffer").toString("latin1");
    if (!statSync(path).isDirectory()) return fail("root-not-directory", { path });
    return ok({ host: host === "/" ? "" : host, named });
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? "";
    const code = detail === "ENOENT" ? "root-missing" : detail === "ENOTDIR" ? "root-not-directory" : "unreadable";
    return fail(code, { path, detail, cause });
  }
}

const linkContext = ({ host, named }: Root, preserve: boolean): LinkContext => ({
  roots: [...new Set([host || "/", named])],
  preserve,
  exists: (guest) => statOrUndefined(host + guest) !== undefined,
});

const rootView = (host: string, links: LinkContext): RootView => ({
  linkAt: (guest) => {
    if (statOrUndefined(host + guest)?.isSymbolicLink() !== true) return undefined;
    return resolveLink(parentOf(guest), readlinkSync(toBytes(host + guest), "latin1"), links);
  },
});

/** Absent, or not to be looked at: the walk reports the latter if it matters. */
function statOrUndefined(host: string) {
  try {
    return lstatSync(toBytes(host), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

const doors = ({ hostPaths, volumes }: Declarations): string[] =>
  [...hostPaths, ...volumes.map(({ guest }) => guest)].map((path) => path.toString("latin1"));

/** Python compares a source's mtime with the one in its `.pyc`: one that the policy changed makes it compile at every start. */
function stalePyc({ nodes }: Walked, mtime: MtimePolicy | undefined): Warning[] {
  if (mtime === undefined || mtime.kind === "keep") return [];
  const changed = (node: TreeNode): boolean => node.statKey !== undefined && node.statKey.mtimeNs !== node.mtimeNs;
  if (!nodes.some(({ node, guest }) => guest.endsWith(".py") && changed(node))) return [];
  const stale = nodes.find(({ guest }) => guest.endsWith(".pyc"));
  return stale === undefined ? [] : [{ code: "mtime-makes-pyc-stale", path: toBytes(stale.guest) }];
}

/** What is packed at a door or beneath it can never be seen: the host's is there instead. */
function hiddenFiles({ nodes }: Walked, doorPaths: readonly string[]): Warning[] {
  return doorPaths.flatMap((door): Warning[] => {
    const count = nodes.filter(({ node, guest }) => node.type !== "directory" && isWithin(guest, door)).length;
    return count === 0 ? [] : [{ code: "door-hides-files", path: toBytes(door), detail: String(count) }];
  });
}
