/** `binaryfs du LIB [PATH]`: which directories take how much. */

import { fail, ok } from "../errors.js";
import { lookup } from "../inspect/lookup.js";
import { usageOf } from "../inspect/usage.js";
import type { Command } from "./command.js";
import { DU_OPTIONS } from "./options.js";
import { escapePath, jsonPath } from "./output.js";
import { countOf, lastOf } from "./parse-options.js";
import { withImage } from "./with-image.js";
import { humanBytes } from "./wording.js";

export const duCommand: Command = {
  name: "du",
  operands: "LIB [PATH]",
  summary: "show which directories take how much",
  options: DU_OPTIONS,
  examples: ["binaryfs du app.so", "binaryfs du -a -d 3 app.so /usr"],
  notes: "Sizes are bytes of content, hard links counted once; the largest come first.",
  run: ({ parsed, out, isJson }) =>
    withImage(parsed, async ({ view }, path) => {
      const depth = Number(lastOf(parsed, "depth") ?? 1);
      if (!Number.isInteger(depth) || depth < 0) return fail("usage", { detail: "--depth takes a number from 0" });
      const start = lookup(view, path, true);
      if (!start.ok) return start;
      const usages = usageOf(view, start.value);
      if (!usages.ok) return usages;
      const takesFiles = countOf(parsed, "all") > 0;
      const isPlain = countOf(parsed, "bytes") > 0;
      const end = countOf(parsed, "null") > 0 ? "\0" : "\n";
      const shown = usages.value
        .filter((usage) => usage.depth <= depth && (usage.isDirectory || takesFiles || usage.depth === 0))
        .sort((a, b) => b.sizeBytes - a.sizeBytes || Buffer.compare(a.path, b.path));
      for (const usage of shown) {
        if (isJson) {
          await out.json({ ...jsonPath(usage.path), size: usage.sizeBytes, nodes: usage.nodes });
          continue;
        }
        const size = isPlain ? String(usage.sizeBytes) : humanBytes(usage.sizeBytes);
        await out.write(`${size.padStart(10)}  `);
        await out.write(process.stdout.isTTY === true ? escapePath(usage.path) : usage.path);
        await out.write(end);
      }
      return ok(0);
    }),
};
