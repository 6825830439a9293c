/** `binaryfs ls LIB [PATH]`: one path a line, in byte order. */

import { ok } from "../errors.js";
import { describeNode } from "../inspect/describe.js";
import { lookup } from "../inspect/lookup.js";
import { walk } from "../inspect/walk.js";
import type { Command } from "./command.js";
import { jsonNode, longLine } from "./format-node.js";
import { LIST_OPTIONS } from "./options.js";
import { escapePath } from "./output.js";
import { countOf } from "./parse-options.js";
import { withImage } from "./with-image.js";

export const lsCommand: Command = {
  name: "ls",
  operands: "LIB [PATH]",
  summary: "list what an image holds",
  options: LIST_OPTIONS,
  examples: [
    "binaryfs ls app.so",
    "binaryfs ls app.so /usr/lib | wc -l",
    "binaryfs ls --json app.so / | jq -r .sha256",
  ],
  notes:
    "Names come as they are, byte by byte; on a terminal control characters are escaped. Use -0 where names may hold newlines.",
  run: ({ parsed, out, isJson }) =>
    withImage(parsed, async ({ view }, path) => {
      const start = lookup(view, path, false);
      if (!start.ok) return start;
      const isLong = countOf(parsed, "long") > 0;
      const end = countOf(parsed, "null") > 0 ? "\0" : "\n";
      const isTerminal = process.stdout.isTTY === true;
      for (const step of walk(view, start.value)) {
        if (!step.ok) return step;
        if (isJson || isLong) {
          const node = describeNode(view, step.value, isJson);
          if (!node.ok) return node;
          if (isJson) {
            await out.json(jsonNode(node.value));
            continue;
          }
          await out.write(`${longLine(node.value)} `);
        }
        await out.write(isTerminal && end === "\n" ? escapePath(step.value.path) : step.value.path);
        await out.write(end);
      }
      return ok(0);
    }),
};
