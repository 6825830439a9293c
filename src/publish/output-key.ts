/** What stands for an output in names of files that belong to it. */

import { createHash } from "node:crypto";

/**
 * @param output absolute host path
 * @returns 32 hex digits of the path's SHA-256
 */
export const outputKey = (output: Buffer): string => createHash("sha256").update(output).digest("hex").slice(0, 32);
