/** The list of an image's contents: what `binaryfs ls --json` prints, without hashing what is hashed already. */

import { writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { jsonNode } from "../cli/format-node.js";
import { ok, type Result } from "../errors.js";
import { describeNode } from "../inspect/describe.js";
import { lookup } from "../inspect/lookup.js";
import { openImage } from "../inspect/open-image.js";
import { walk } from "../inspect/walk.js";
import { OutputFile, unwritable } from "../publish/output-file.js";

const FLUSH_NODES = 4096;

/**
 * @param library absolute host path
 * @param output absolute host path of the list
 * @param digests SHA-256 of files' contents by guest path (latin1 text)
 * Errors: those of `openImage`, `walk` and `OutputFile`, `no-space`
 */
export async function writeContents(
  library: Buffer,
  output: Buffer,
  digests: ReadonlyMap<string, Buffer>,
): Promise<Result<void>> {
  const image = openImage(library);
  if (!image.ok) return image;
  const file = OutputFile.create(output, 0o644);
  try {
    if (!file.ok) return file;
    const { view } = image.value;
    const root = lookup(view, Buffer.from("/"), false);
    if (!root.ok) return root;
    let lines: string[] = [];
    const flush = (): void => {
      const bytes = Buffer.from(lines.join(""));
      for (let done = 0; done < bytes.length; ) done += writeSync(file.value.fd, bytes, done);
      lines = [];
    };
    for (const step of walk(view, root.value)) {
      if (!step.ok) return step;
      const node = describeNode(view, step.value, false);
      if (!node.ok) return node;
      const sha256 = digests.get(step.value.path.toString("latin1"))?.toString("hex");
      lines.push(`${JSON.stringify(jsonNode({ ...node.value, sha256 }))}\n`);
      if (lines.length < FLUSH_NODES) continue;
      flush();
      await nextTurn();
    }
    flush();
    const published = file.value.publish();
    return published.ok ? ok(undefined) : published;
  } catch (cause) {
    return unwritable(output, cause);
  } finally {
    image.value.close();
    if (file.ok) file.value.discard();
  }
}
