import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { authorizationFor } from "../../src/remote/credentials.js";
import { netrcEntry } from "../../src/remote/netrc.js";
import { parseRemoteUrl, type RemotePlace } from "../../src/remote/url.js";
import { temporaryDirectory } from "../link/stand-in.js";

const directory = temporaryDirectory("credentials");
afterAll(directory.dispose);

const ME = { login: "me", password: "secret" };

describe("netrc", () => {
  it.each([
    ["one line", "machine cache login me password secret", ME],
    ["several lines", "machine cache\n\tlogin me\n\tpassword secret\n", ME],
    ["the host in other letters", "machine CACHE login me password secret", ME],
    ["password before login, and an account", "machine cache password secret account x login me", ME],
    [
      "quoted, with escapes",
      'machine "cache" login "me" password "s\\"e c\\\\r"',
      { login: "me", password: 's"e c\\r' },
    ],
    [
      "a password that begins like a word",
      "machine cache login me password machine",
      { login: "me", password: "machine" },
    ],
    ["the first of two", "machine cache login me password secret\nmachine cache login you password other", ME],
    ["after another machine", "machine other login you password no\nmachine cache login me password secret", ME],
    ["default", "machine other login you password no\ndefault login me password secret", ME],
    [
      "the machine although default comes first",
      "default login you password no\nmachine cache login me password secret",
      ME,
    ],
    ["after a comment", "# machine cache login you password no\nmachine cache login me password secret", ME],
    [
      "a macro that looks like an entry",
      "macdef init\nmachine cache login you password no\n\nmachine cache login me password secret",
      ME,
    ],
    ["without a password", "machine cache login me", { login: "me", password: "" }],
    ["cut short", "machine cache login me password", { login: "me", password: "" }],
    ["a quote that is not closed", 'machine cache login me password "secret', ME],
    ["nothing for this machine", "machine other login me password secret", undefined],
    ["nothing", "", undefined],
    ["words before any machine", "login you password no", undefined],
  ])("%s", (_, text, entry) => {
    expect(netrcEntry(text, "cache")).toEqual(entry);
  });
});

describe("a remote cache's URL", () => {
  it.each([
    ["http://cache", { base: "http://cache" }],
    ["https://cache:8443/a/b//", { base: "https://cache:8443/a/b" }],
    ["HTTP://Cache/", { base: "http://cache" }],
    ["http://me:se%40cret@cache/x", { base: "http://cache/x", userinfo: { user: "me", password: "se@cret" } }],
    ["http://[::1]:80/", { base: "http://[::1]" }],
    ["grpc://cache", undefined],
    ["file:///cache", undefined],
    ["cache:8080", undefined],
    ["http://", undefined],
    ["http://cache/?token=1", undefined],
    ["http://cache/#x", undefined],
    ["http://me:%zz@cache", undefined],
    ["", undefined],
  ])("%s", (text, place) => {
    expect(parseRemoteUrl(text)).toEqual(place);
  });
});

describe("authorization", () => {
  const netrc = join(directory.path, ".netrc");
  writeFileSync(netrc, "machine cache login net password rc\n");
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  const place = parseRemoteUrl("http://cache:80/x") as RemotePlace;
  const withUser = parseRemoteUrl("http://url:info@cache") as RemotePlace;
  const token = { BINARYFS_REMOTE_CACHE_TOKEN: "abc.def" };
  const user = { BINARYFS_REMOTE_CACHE_USER: "env", BINARYFS_REMOTE_CACHE_PASSWORD: "ironment" };

  it.each([
    ["a token before all else", withUser, { ...token, ...user, HOME: directory.path }, "Bearer abc.def"],
    ["a user of the environment", withUser, { ...user, HOME: directory.path }, basic("env:ironment")],
    ["the URL's user", withUser, { HOME: directory.path }, basic("url:info")],
    ["netrc in HOME", place, { HOME: directory.path }, basic("net:rc")],
    ["netrc elsewhere", place, { NETRC: netrc, HOME: "/nonexistent" }, basic("net:rc")],
    ["a netrc that is not there", place, { NETRC: "/nonexistent/netrc" }, undefined],
    ["a netrc that cannot be read", place, { NETRC: directory.path }, undefined],
    [
      "empty variables",
      place,
      { BINARYFS_REMOTE_CACHE_TOKEN: "", BINARYFS_REMOTE_CACHE_USER: "", HOME: "" },
      undefined,
    ],
    ["a token that would forge a header", place, { BINARYFS_REMOTE_CACHE_TOKEN: "a\r\nx: y" }, undefined],
  ])("%s", (_, at, env, header) => {
    expect(authorizationFor(at, env)).toBe(header);
  });
});
