/** Bazel's parameter files in the format "shell": words quoted as a POSIX shell reads them, one a line. */

import { fail, ok, type Result } from "../errors.js";

/** The word that the rules put there to show how bytes beyond ASCII are written: é as the two bytes that it has in UTF-8. */
const ENCODING = "--encoding=";
const TWO_BYTES = "\u00c3\u00a9";

/**
 * Words of a parameter file as bytes, a character each. Bazel holds each byte of a name as a character of its own; some versions, 4.2 among them, write such a character
 * as UTF-8 (https://github.com/bazelbuild/bazel/issues/16594), others as the byte that it stands for.
 * @param text latin1
 * Errors: those of `shellWords`
 */
export function parameterWords(text: string): Result<string[]> {
  const words = shellWords(text);
  if (!words.ok) return words;
  const isEncoding = (word: string): boolean => word.startsWith(ENCODING);
  const encoding = words.value.find(isEncoding);
  const rest = words.value.filter((word) => !isEncoding(word));
  if (encoding === undefined || encoding === ENCODING + TWO_BYTES) return ok(rest);
  return ok(rest.map((word) => Buffer.from(word, "latin1").toString("utf8")));
}

/**
 * @param text latin1: names are bytes. A quoted word may hold newlines.
 * Errors: `usage`, for a quote that does not end
 */
export function shellWords(text: string): Result<string[]> {
  const words: string[] = [];
  let word = "";
  let isWord = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return fail("usage", { detail: "a quote in the parameter file does not end" });
      word += text.slice(at + 1, end);
      isWord = true;
      at = end;
    } else if (character === "\\" && at + 1 < text.length) {
      word += text[++at];
      isWord = true;
    } else if (character === "\n" || character === " ") {
      if (isWord) words.push(word);
      word = "";
      isWord = false;
    } else {
      word += character;
      isWord = true;
    }
  }
  if (isWord) words.push(word);
  return ok(words);
}
