/** `binaryfs link DIR -o LIB.so`: compiles the three artefacts. */

import { fail, ok } from "../errors.js";
import { libraryDigest } from "../inspect/library-digest.js";
import { openLibrary } from "../link/read-library.js";
import type { Command } from "./command.js";
import { onInterruption } from "./interruption.js";
import { LINK_OPTIONS } from "./options.js";
import { escapePath, jsonPath } from "./output.js";
import { lastOf } from "./parse-options.js";
import { toBytes, toText } from "./raw-arguments.js";
import { operandsOf } from "./with-image.js";
import { humanBytes } from "./wording.js";

export const linkCommand: Command = {
  name: "link",
  operands: "DIR -o LIB.so",
  summary: "compile the three artefacts into a library",
  options: LINK_OPTIONS,
  examples: ["binaryfs link artefacts -o app.so", 'binaryfs link artefacts -o app.so --cc "scone gcc"'],
  run: async ({ parsed, out, isJson }) => {
    const operands = operandsOf(parsed, 1, 1);
    if (!operands.ok) return operands;
    const output = lastOf(parsed, "output");
    if (output === undefined) return fail("usage", { detail: "name the output with -o" });
    const started = performance.now();
    const cc = lastOf(parsed, "cc");
    // Loaded here: no other command needs the library that starts compilers.
    const { linkArtefacts } = await import("../link/compile.js");
    // Compilers take their arguments as text.
    const interruption = new AbortController();
    const stopWaiting = onInterruption(() => interruption.abort());
    const linked = await linkArtefacts({
      signal: interruption.signal,
      directory: toText(operands.value[0] ?? ""),
      output: toText(output),
      ...(cc !== undefined && { cc: toText(cc) }),
    });
    stopWaiting();
    if (!linked.ok) return linked;
    const path = toBytes(output);
    const library = openLibrary(path);
    if (!library.ok) return library;
    const digest = libraryDigest(library.value, library.value.merkleRoot);
    library.value.close();
    if (!digest.ok) return digest;
    const durationMs = Math.round(performance.now() - started);
    const { imageBytes } = library.value;
    if (isJson) {
      await out.json({
        event: "linked",
        ...jsonPath(path, "library"),
        digest: `sha256:${digest.value}`,
        imageBytes,
        durationMs,
      });
    } else {
      await out.line(
        `${escapePath(path)}: image of ${humanBytes(imageBytes)}, sha256:${digest.value}, ${durationMs} ms`,
      );
    }
    return ok(0);
  },
};
