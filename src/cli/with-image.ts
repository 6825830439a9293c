/** What the commands that read an image share: LIB [PATH] operands, opening, closing. */

import { fail, type Result } from "../errors.js";
import { type OpenImage, openImage } from "../inspect/open-image.js";
import { escapePath } from "./output.js";
import type { ParsedArguments } from "./parse-options.js";
import { toBytes } from "./raw-arguments.js";

/** `usage` unless there are between `least` and `most` operands. */
export function operandsOf(parsed: ParsedArguments, least: number, most: number): Result<string[]> {
  const count = parsed.operands.length;
  if (count < least) return fail("usage", { detail: "an operand is missing" });
  if (count > most)
    return fail("usage", { detail: `one operand too many: ${escapePath(toBytes(parsed.operands[most] ?? ""))}` });
  if (parsed.rest !== undefined) return fail("usage", { detail: "nothing may follow `--` here" });
  return { ok: true, value: [...parsed.operands] };
}

/** Opens LIB, runs `use` with it and PATH (default `/`), closes it. */
export async function withImage(
  parsed: ParsedArguments,
  use: (image: OpenImage, path: Buffer) => Promise<Result<number>>,
  mostOperands = 2,
): Promise<Result<number>> {
  const operands = operandsOf(parsed, 1, mostOperands);
  if (!operands.ok) return operands;
  const [library = "", path = "/"] = operands.value;
  const image = openImage(toBytes(library));
  if (!image.ok) return image;
  try {
    return await use(image.value, toBytes(path));
  } finally {
    image.value.close();
  }
}
