/** Selection: ROOT, rules and policies → the tree to pack. */

import { ok, type Result } from "../errors.js";
import type { Tree } from "../model.js";
import { selectCleanly } from "./clean.js";
import { openContext, type SelectionContext, type SelectOptions } from "./context.js";
import type { Hints } from "./look.js";
import { type TreeUpdate, updateCleanly, updateTree } from "./update.js";

export type { SelectOptions } from "./context.js";
export type { Hints } from "./look.js";
export type { TreeUpdate } from "./update.js";

/**
 * Parents of selected nodes are selected with their own attributes. A symlink whose target is not selected stays, dangling.
 * The result does not depend on the order in which the file system lists names, nor on locale or umask; on time in `ROW.racy` alone.
 *
 * Errors: `root-missing`, `root-not-directory`, `include-outside-root`, `pattern-unmatched` (strict), `nothing-selected`, `secrets-selected` (`path` the first, `detail` their number, `paths` all), `unreadable`,
 * `input-changed`, `name-too-long`, `xattr-too-large`, `bad-host-path`, `bad-volume`.
 */
export function select(options: SelectOptions): Result<Tree> {
  const selector = Selector.open(options);
  return selector.ok ? selector.value.select() : selector;
}

/** A selection that can be brought up to date at a cost that follows the change. */
export class Selector {
  #context: SelectionContext;
  /** The tree that the rules' matches are about. */
  #matched: Tree | undefined;

  private constructor(context: SelectionContext) {
    this.#context = context;
  }

  /** Checks options, finds ROOT, reads ignore files, expands patterns. Errors: those of `select` that are about these. */
  static open(options: SelectOptions): Result<Selector> {
    const context = openContext(options);
    return context.ok ? ok(new Selector(context.value)) : context;
  }

  /**
   * Canonical text of everything that decides what is selected besides the tree. An update that finds ignore files or links in patterns
   * changed changes it too.
   */
  get key(): string {
    return this.#context.key;
  }

  /** Errors: see the function `select`. */
  select(): Result<Tree> {
    return this.#remember(selectCleanly(this.#context));
  }

  /**
   * Looks at the recorded directories again, or at what hints name. The result equals that of a clean selection, `ROW.racy` and unused
   * bytes apart; with hints, as far as they name all that changed. `unchanged`: all rows are as before; `previous` still stands.
   *
   * @param previous from this selector, or from one with the same key
   * Errors: as `select`. `previous` is as good as before.
   */
  update(previous: Tree, hints: Hints | "all"): Result<TreeUpdate> {
    const isMatched = this.#matched === previous;
    this.#matched = undefined;
    const fresh = openContext(this.#context.options);
    if (!fresh.ok) return fresh;
    let update: Result<TreeUpdate>;
    if (fresh.value.key !== this.#context.key || fresh.value.root.host !== previous.rootHost) {
      update = updateCleanly(previous, fresh.value);
      // After a failure `previous` stays the tree to begin with, and it was made under the earlier key.
      if (update.ok) this.#context = fresh.value;
    } else {
      // The rules remember what they matched.
      this.#context = { ...fresh.value, rules: this.#context.rules };
      update = updateTree(previous, hints, this.#context, isMatched);
    }
    if (update.ok && update.value.kind === "changed") this.#matched = update.value.tree;
    else if (update.ok && isMatched) this.#matched = previous;
    return update;
  }

  #remember(tree: Result<Tree>): Result<Tree> {
    this.#matched = tree.ok ? tree.value : undefined;
    return tree;
  }
}
