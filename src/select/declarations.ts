/** Checks and orders what the image declares beyond files: host paths and volumes. */

import { fail, ok, type Result } from "../errors.js";
import type { Declarations, Volume } from "../model.js";
import { normalize, type PathLike, toBytes, toLatin1 } from "./paths.js";

export interface DeclaredVolume {
  /** Absolute path in the image. */
  readonly guest: PathLike;
  /** Absolute path on the host; without it, `run` must name one. */
  readonly host?: PathLike;
}

export interface DeclarationOptions {
  readonly hostPaths?: readonly PathLike[];
  readonly volumes?: readonly DeclaredVolume[];
  readonly sealed?: boolean;
}

/** The path without a trailing slash; undefined unless it is absolute, without `..` and NUL. */
function absolutePath(path: PathLike): Buffer | undefined {
  const text = toLatin1(path);
  if (!text.startsWith("/") || text.includes("\0") || text.split("/").includes("..")) return undefined;
  return toBytes(normalize(text).path);
}

const asBytes = (path: PathLike): Buffer => toBytes(toLatin1(path));

/** Errors: `bad-host-path`, `bad-volume` (not absolute, or one guest path with two hosts). */
export function declare({ hostPaths = [], volumes = [], sealed = false }: DeclarationOptions): Result<Declarations> {
  const paths = new Map<string, Buffer>();
  for (const given of hostPaths) {
    const path = absolutePath(given);
    if (path === undefined) return fail("bad-host-path", { path: asBytes(given) });
    paths.set(path.toString("latin1"), path);
  }
  const declared = new Map<string, Volume>();
  for (const given of volumes) {
    const guest = absolutePath(given.guest);
    const host = given.host === undefined ? undefined : absolutePath(given.host);
    const badHost = given.host !== undefined && host === undefined;
    if (guest === undefined || badHost)
      return fail("bad-volume", { path: asBytes(badHost ? (given.host ?? "") : given.guest) });
    const key = guest.toString("latin1");
    const known = declared.get(key);
    if (known !== undefined && known.host?.toString("latin1") !== host?.toString("latin1")) {
      return fail("bad-volume", { path: guest, detail: "declared twice" });
    }
    declared.set(key, { guest, ...(host && { host }) });
  }
  return ok({
    hostPaths: [...paths.values()].sort(Buffer.compare),
    volumes: [...declared.values()].sort((a, b) => Buffer.compare(a.guest, b.guest)),
    sealed,
  });
}
