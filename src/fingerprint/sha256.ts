/** SHA-256: identity of content. */

import { createHash } from "node:crypto";

/** 32 bytes. */
export const sha256Of = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
