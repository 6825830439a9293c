/** What a measure is. */

/**
 * @typedef {object} Context
 * @property {import("../corpora/corpora.mjs").Corpus} corpus
 * @property {string} scratch an empty directory on the corpus's file system, removed afterwards
 * @property {number} rounds of interleaved runs
 * @property {number} repetitions of each kind of save in `watch`
 */

/**
 * @typedef {object} Measure
 * @property {string} name for `--only`
 * @property {string} title
 * @property {(corpus: import("../corpora/corpora.mjs").Corpus) => boolean} suits
 * @property {(context: Context) => Promise<import("../lib/report.mjs").Finding>} measure
 */

export {};
