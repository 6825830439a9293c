/** Bazel's parameter files in the format "shell": words quoted as a POSIX shell reads them, one a line. */

import { fail, ok, type Result } from "../errors.js";

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
