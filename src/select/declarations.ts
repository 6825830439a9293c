/** Checks and orders what the image declares beyond files: host paths and volumes. */

import { fail, ok, type Result } from "../errors.js";
import type { Declarations, Volume } from "../model.js";
import { isWithin, normalize, type PathLike, toBytes, toLatin1 } from "./paths.js";

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

/** As the runtime has it (`BFS_PATH_MAX`, `BFS_MAX_MOUNTS`), which would refuse the image at every start. */
const PATH_MAX_BYTES = 4096;
const MAX_DOORS = 256;

/** The path without a trailing slash, or what is wrong with it. */
function absolutePath(path: PathLike): Result<Buffer> {
  const text = toLatin1(path);
  const bad = (detail: string) => fail("bad-host-path", { path: asBytes(path), detail });
  if (!text.startsWith("/")) return bad("not absolute");
  if (text.includes("\0")) return bad("NUL in it");
  if (text.split("/").includes("..")) return bad("`..` in it");
  if (text.length >= PATH_MAX_BYTES) return bad(`longer than ${PATH_MAX_BYTES - 1} bytes`);
  return ok(toBytes(normalize(text).path));
}

/** Where a door may be in the image: the same as doors.c of the runtime says. */
function doorPath(path: PathLike): Result<Buffer> {
  const absolute = absolutePath(path);
  if (!absolute.ok) return absolute;
  const text = absolute.value.toString("latin1");
  const bad = (detail: string) => fail("bad-host-path", { path: asBytes(path), detail });
  if (text === "/") return bad("it would replace the whole file system");
  return isWithin(text, "/proc") ? bad("/proc is the image's own") : absolute;
}

const asBytes = (path: PathLike): Buffer => toBytes(toLatin1(path));

/** Errors: `bad-host-path`, `bad-volume` (not absolute, `/`, beneath /proc, one guest path with two hosts, more than 256 of both), with the reason as detail. */
export function declare({ hostPaths = [], volumes = [], sealed = false }: DeclarationOptions): Result<Declarations> {
  const paths = new Map<string, Buffer>();
  for (const given of hostPaths) {
    const path = doorPath(given);
    if (!path.ok) return path;
    paths.set(path.value.toString("latin1"), path.value);
  }
  const declared = new Map<string, Volume>();
  for (const given of volumes) {
    const volume = declareVolume(given);
    if (!volume.ok) return { ok: false, error: { ...volume.error, code: "bad-volume" } };
    const { guest, host } = volume.value;
    const key = guest.toString("latin1");
    const known = declared.get(key);
    if (known !== undefined && known.host?.toString("latin1") !== host?.toString("latin1")) {
      return fail("bad-volume", { path: guest, detail: "declared twice" });
    }
    declared.set(key, volume.value);
  }
  const doors = paths.size + declared.size;
  if (doors > MAX_DOORS)
    return fail("bad-host-path", { detail: `${doors} host paths and volumes, at most ${MAX_DOORS}` });
  return ok({
    hostPaths: [...paths.values()].sort(Buffer.compare),
    volumes: [...declared.values()].sort((a, b) => Buffer.compare(a.guest, b.guest)),
    sealed,
  });
}

function declareVolume(given: DeclaredVolume): Result<Volume> {
  const guest = doorPath(given.guest);
  if (!guest.ok) return guest;
  if (given.host === undefined) return ok({ guest: guest.value });
  const host = absolutePath(given.host);
  return host.ok ? ok({ guest: guest.value, host: host.value }) : host;
}
