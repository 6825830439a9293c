/** `binaryfs verify LIB [--digest D]`. */

import { fail, ok } from "../errors.js";
import { verify } from "../inspect/verify.js";
import type { Command } from "./command.js";
import { VERIFY_OPTIONS } from "./options.js";
import { escapePath, jsonPath, printError } from "./output.js";
import { lastOf } from "./parse-options.js";
import { ProgressLine } from "./progress.js";
import { toText } from "./raw-arguments.js";
import { withImage } from "./with-image.js";
import { counted } from "./wording.js";

export const verifyCommand: Command = {
  name: "verify",
  operands: "LIB",
  summary: "recompute every hash of a library and check its structure",
  options: VERIFY_OPTIONS,
  examples: ["binaryfs verify app.so", "binaryfs verify app.so --digest sha256:0f3a…"],
  run: ({ parsed, out, isJson }) =>
    withImage(
      parsed,
      async (image) => {
        const wanted = lastOf(parsed, "digest");
        const expected =
          wanted === undefined
            ? undefined
            : toText(wanted)
                .toLowerCase()
                .replace(/^sha256:/, "");
        if (expected !== undefined && !/^[0-9a-f]{64}$/.test(expected)) {
          return fail("usage", { detail: "--digest takes sha256: and 64 hex digits" });
        }
        const path = image.library.path;
        const progress = new ProgressLine(!isJson);
        const result = verify(image, (done, total) => progress.update({ stage: "verify", done, total }));
        progress.clear();
        if (!result.ok) return result;
        const { digest, merkleRoot, segments, inodes, entries, problems } = result.value;
        const isWanted = expected === undefined || expected === digest;
        if (isJson) {
          await out.json({
            event: "verified",
            ...jsonPath(path, "library"),
            isValid: problems.length === 0 && isWanted,
            ...(expected !== undefined && { digestMatches: isWanted }),
            digest: `sha256:${digest}`,
            merkleRoot: merkleRoot.toString("hex"),
            segments,
            inodes,
            problems: problems.map((problem) => ({
              ...(problem.path && jsonPath(problem.path)),
              detail: problem.detail,
            })),
          });
        }
        const [first, ...others] = problems;
        if (first !== undefined) {
          for (const { detail, path: at } of others)
            printError(`  also: ${detail}${at === undefined ? "" : ` (${escapePath(at)})`}`);
          return fail("bad-image", {
            path,
            detail: first.path === undefined ? first.detail : `${first.detail}: ${escapePath(first.path)}`,
          });
        }
        if (!isWanted) {
          return fail("digest-mismatch", { path, detail: `it is sha256:${digest}, not sha256:${expected}` });
        }
        if (!isJson) {
          await out.line(
            `${escapePath(path)}: valid, ${counted(segments, "segment")}, ${counted(inodes, "inode")}, ${counted(entries, "entry", "entries")}`,
          );
          await out.line(`sha256:${digest}`);
        }
        return ok(0);
      },
      1,
    ),
};
