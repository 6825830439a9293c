/** Whether saves take as long in a large tree as in a small one. */

import { count } from "../../scripts/lib/terminal.mjs";
import { saves } from "../measures/saves.mjs";
import { ratioCheck } from "./checks.mjs";

const smallTree = 1_000;
/** Below this a large tree is none. */
const largeTree = 50_000;

/** @typedef {{ files: number, saves: readonly { name: string, published: { p50: number } }[] }} Watched */

/**
 * The largest tree that was watched beside the smallest.
 * @param {readonly Watched[]} watched
 * @returns {import("./checks.mjs").Check[]} none where there are not two that differ enough
 */
export function flatness(watched) {
  const small = watched.find(({ files }) => files === smallTree);
  const large = [...watched].sort((a, b) => a.files - b.files).at(-1);
  if (small === undefined || large === undefined || large.files < largeTree) return [];
  const p50 = (/** @type {Watched} */ tree, /** @type {string} */ name) =>
    tree.saves.find((save) => save.name === name)?.published.p50 ?? Number.NaN;
  return saves.flatMap(({ name, flat }) =>
    flat === undefined
      ? []
      : [
          ratioCheck(
            `${name}, ${count(large.files)} to ${count(small.files)} files`,
            p50(large, name) / p50(small, name),
            flat,
          ),
        ],
  );
}
