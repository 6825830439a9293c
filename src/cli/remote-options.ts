/** The remote cache of a build, from its options. */

import type { BuildOptions, RemoteCacheOptions } from "../engine/options.js";
import { fail, ok, type Result } from "../errors.js";
import { parseRemoteUrl } from "../remote/url.js";
import type { BuildRequest } from "./build-request.js";
import { REMOTE } from "./options.js";
import { escapePath } from "./output.js";
import type { ParsedOption } from "./parse-options.js";
import { toBytes, toText } from "./raw-arguments.js";

const SECONDS = /^\d{1,6}(\.\d{1,3})?$/;

/**
 * @param options of the command line and of the configuration, whose remote cache is left alone where there can be none
 * Errors: `usage`. A URL is not repeated: it may hold a password
 */
export function remoteCacheOf(
  { form, options: own }: Pick<BuildRequest, "form" | "options">,
  options: readonly ParsedOption[],
  linker: BuildOptions["linker"],
): Result<RemoteCacheOptions | undefined> {
  if (form !== "library" || linker === "gcc") {
    const given = own.find(({ name }) => REMOTE.some(({ long }) => long === name));
    if (given === undefined) return ok(undefined);
    const why = form === "library" ? "of --linker native" : "of build and watch, not artefacts";
    return usage(`--${given.name}: a remote cache holds libraries ${why}`);
  }
  const last = (name: string) => options.filter((option) => option.name === name).at(-1)?.value;
  const url = last("remote-cache");
  if (url === undefined) {
    const lonely = REMOTE.find(({ long }) => last(long) !== undefined);
    return lonely === undefined ? ok(undefined) : usage(`--${lonely.long} needs --remote-cache`);
  }
  if (parseRemoteUrl(toText(url)) === undefined) {
    return usage("--remote-cache takes a URL such as https://cache.example/path: http or https, without ? and #");
  }
  const timeout = last("remote-timeout");
  if (timeout !== undefined && (!SECONDS.test(timeout) || Number(timeout) === 0)) {
    return usage(`--remote-timeout takes seconds, such as 10, not "${escapePath(toBytes(timeout))}"`);
  }
  return ok({
    url: toText(url),
    readOnly: last("remote-cache-read-only") !== undefined,
    ...(timeout !== undefined && { timeoutMs: Number(timeout) * 1000 }),
  });
}

const usage = (detail: string) => fail("usage", { detail });
