/** Opens the image inside a library for reading, without executing the library. */

import { fail, ok, type Result } from "../errors.js";
import { ImageView } from "../image/decode.js";
import { type Library, openLibrary } from "../link/read-library.js";
import { fileSource } from "./file-source.js";

/** Close it. */
export interface OpenImage {
  readonly library: Library;
  readonly view: ImageView;
  close(): void;
}

/** @returns what `openLibrary` refuses, or `bad-image` with the library's path */
export function openImage(path: Buffer): Result<OpenImage> {
  const library = openLibrary(path);
  if (!library.ok) return library;
  const { fd, imageOffset, imageBytes, close } = library.value;
  const view = ImageView.open(fileSource(fd, imageOffset, imageBytes));
  if (!view.ok) {
    close();
    const { code, ...facts } = view.error;
    return fail(code, { ...facts, path });
  }
  return ok({ library: library.value, view: view.value, close });
}
