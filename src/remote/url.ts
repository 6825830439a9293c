/** The address of a remote cache, taken apart: what may be shown and kept, and the credentials that may not. */

export interface RemotePlace {
  /** Without credentials and without a slash at the end: `/ac/…` and `/cas/…` follow. */
  readonly base: string;
  /** From the URL itself (RFC 3986, userinfo), decoded; undefined where it names no user. */
  readonly userinfo?: { readonly user: string; readonly password: string };
}

/** @returns undefined for anything but a plain http or https URL: query and fragment have no meaning here */
export function parseRemoteUrl(text: string): RemotePlace | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined;
  try {
    const url = new URL(text);
    if (url.hostname === "" || /[?#]/.test(text)) return undefined;
    const base = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
    if (url.username === "" && url.password === "") return { base };
    const userinfo = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    return { base, userinfo };
  } catch {
    return undefined;
  }
}
