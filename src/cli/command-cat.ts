/** `binaryfs cat LIB PATH…`: contents of files, symlinks followed inside the image. */

import { fail, ok } from "../errors.js";
import { contentOf } from "../image/decode-data.js";
import { lookup } from "../inspect/lookup.js";
import type { Command } from "./command.js";
import { CAT_OPTIONS } from "./options.js";
import { toBytes } from "./raw-arguments.js";
import { withImage } from "./with-image.js";

export const catCommand: Command = {
  name: "cat",
  operands: "LIB PATH…",
  summary: "print files of an image",
  options: CAT_OPTIONS,
  examples: ["binaryfs cat app.so /app/main.py"],
  run: ({ parsed, out }) =>
    withImage(
      parsed,
      async ({ view }) => {
        if (parsed.operands.length < 2) return fail("usage", { detail: "an operand is missing: PATH" });
        for (const operand of parsed.operands.slice(1)) {
          const path = toBytes(operand);
          const found = lookup(view, path, true);
          if (!found.ok) return found;
          if (found.value.inode.type !== "file") return fail("not-a-file", { path, detail: found.value.inode.type });
          for (const piece of contentOf(view.source, found.value.inode)) {
            if (!piece.ok) return piece;
            await out.write(piece.value);
          }
        }
        return ok(0);
      },
      Number.POSITIVE_INFINITY,
    ),
};
