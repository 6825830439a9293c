/** `binaryfs stat LIB [PATH]`: all about one node; symlinks are not followed. */

import { ok } from "../errors.js";
import { describeNode } from "../inspect/describe.js";
import { lookup } from "../inspect/lookup.js";
import type { Command } from "./command.js";
import { factLines, jsonNode } from "./format-node.js";
import { STAT_OPTIONS } from "./options.js";
import { withImage } from "./with-image.js";

export const statCommand: Command = {
  name: "stat",
  operands: "LIB [PATH]",
  summary: "all about one file of an image",
  options: STAT_OPTIONS,
  examples: ["binaryfs stat app.so /usr/bin/python3"],
  run: ({ parsed, out, isJson }) =>
    withImage(parsed, async ({ view }, path) => {
      const found = lookup(view, path, false);
      if (!found.ok) return found;
      const node = describeNode(view, found.value, true);
      if (!node.ok) return node;
      if (isJson) await out.json(jsonNode(node.value));
      else for (const line of factLines(node.value)) await out.line(line);
      return ok(0);
    }),
};
