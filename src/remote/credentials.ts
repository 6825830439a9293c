/** Who one is to a remote cache: from the environment, else from the URL, else from netrc. */

import { readFileSync } from "node:fs";
import { netrcEntry } from "./netrc.js";
import type { RemotePlace } from "./url.js";

/** A bearer token that can stand in a header (RFC 6750, b64token, and what else is printable). */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * @param env BINARYFS_REMOTE_CACHE_TOKEN (Bearer), else BINARYFS_REMOTE_CACHE_USER and BINARYFS_REMOTE_CACHE_PASSWORD (Basic); NETRC, HOME
 * @returns the value of `Authorization`; undefined where nobody says anything. A netrc that cannot be read says nothing.
 */
export function authorizationFor(
  { base, userinfo }: RemotePlace,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const token = env["BINARYFS_REMOTE_CACHE_TOKEN"]?.trim();
  if (token !== undefined && TOKEN.test(token)) return `Bearer ${token}`;
  const user = env["BINARYFS_REMOTE_CACHE_USER"];
  if (user !== undefined && user !== "") return basic(user, env["BINARYFS_REMOTE_CACHE_PASSWORD"] ?? "");
  if (userinfo !== undefined) return basic(userinfo.user, userinfo.password);
  const text = netrcText(env);
  const entry = text === undefined ? undefined : netrcEntry(text, new URL(base).hostname);
  return entry === undefined ? undefined : basic(entry.login, entry.password);
}

/** RFC 7617, in UTF-8. */
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function netrcText(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const home = env["HOME"];
  const path = env["NETRC"] || (home === undefined || home === "" ? undefined : `${home}/.netrc`);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
