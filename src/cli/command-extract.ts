/** `binaryfs extract LIB [PATH] -o DIR`. */

import { ok } from "../errors.js";
import { extract } from "../inspect/extract.js";
import { lookup } from "../inspect/lookup.js";
import type { Command } from "./command.js";
import { onInterruption } from "./interruption.js";
import { EXTRACT_OPTIONS } from "./options.js";
import { escapePath, jsonPath, printError } from "./output.js";
import { lastOf } from "./parse-options.js";
import { toBytes } from "./raw-arguments.js";
import { withImage } from "./with-image.js";
import { counted, humanBytes } from "./wording.js";

export const extractCommand: Command = {
  name: "extract",
  operands: "LIB [PATH] -o DIR",
  summary: "write an image's files into a directory",
  options: EXTRACT_OPTIONS,
  examples: ["binaryfs extract app.so -o rootfs", "binaryfs extract app.so /app -o app"],
  notes: "Modes, times, links and extended attributes come back without root; owners and device nodes take root.",
  run: ({ parsed, out, isJson }) =>
    withImage(parsed, async ({ view, library }, path) => {
      const start = lookup(view, path, true);
      if (!start.ok) return start;
      const output = lastOf(parsed, "output") ?? defaultTarget(library.path);
      const interruption = new AbortController();
      const stopWaiting = onInterruption(() => interruption.abort());
      const extracted = await extract(view, start.value, toBytes(output), interruption.signal);
      stopWaiting();
      if (!extracted.ok) return extracted;
      const { files, bytes, skipped } = extracted.value;
      for (const line of skipped)
        printError(`binaryfs: warning: skipped, not permitted: ${escapePath(Buffer.from(line))}`);
      if (isJson)
        await out.json({
          event: "extracted",
          ...jsonPath(toBytes(output), "output"),
          files,
          bytes,
          skipped: skipped.length,
        });
      else await out.line(`${escapePath(toBytes(output))}: ${counted(files, "file")}, ${humanBytes(bytes)}`);
      return ok(0);
    }),
};

/** `dir/app.so` → `app`, in the working directory. */
function defaultTarget(library: Buffer): string {
  const name = library.subarray(library.lastIndexOf(0x2f) + 1).toString("latin1");
  return name.endsWith(".so") && name.length > 3 ? name.slice(0, -3) : `${name}.extracted`;
}
