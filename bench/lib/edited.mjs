/** Lends a measure its tree for edits, and puts everything back. */
import { borrow } from "../corpora/generate.mjs";
import { Edits } from "./edits.mjs";

/**
 * @template T
 * @param {import("../corpora/corpora.mjs").Corpus} corpus a generated one
 * @param {(edits: Edits) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withEdits(corpus, work) {
  if (corpus.generated === undefined) throw new Error(`${corpus.name} is not ours to edit`);
  const edits = new Edits(corpus.root);
  const giveBack = borrow(corpus.generated);
  try {
    return await work(edits);
  } finally {
    edits.undoAll();
    giveBack();
  }
}
