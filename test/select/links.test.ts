import { expect, test } from "vitest";
import { resolveLink } from "../../src/select/links.js";

const context = (over = {}) => ({
  roots: ["/srv/app", "/srv/current"],
  preserve: false,
  exists: (guest: string) => guest === "/etc/inside",
  ...over,
});

test.each<[string, string, string, string | undefined, string]>([
  ["/lib", "x.so.1", "x.so.1", "/lib/x.so.1", "a sibling stays"],
  ["/lib", "../bin/x", "../bin/x", "/bin/x", "a way inside stays"],
  ["/bin", "/srv/app/lib/x", "/lib/x", "/lib/x", "the prefix of ROOT goes"],
  ["/bin", "/srv/current/lib/x", "/lib/x", "/lib/x", "also by ROOT's other name"],
  ["/bin", "/srv/app", "/", "/", "ROOT itself"],
  ["/bin", "/srv/apple", "/srv/apple", undefined, "whole components"],
  ["/bin", "/srv/app/../other", "/srv/app/../other", undefined, "leaves by .."],
  ["/bin", "/srv/x/../app/lib", "/lib", "/lib", "enters by a detour"],
  ["/bin", "/etc/inside", "/etc/inside", "/etc/inside", "right as seen from ROOT"],
  ["/bin", "/usr/bin/python3", "/usr/bin/python3", undefined, "outside"],
  ["/bin", "../../app/lib/x", "../lib/x", "/lib/x", "climbs out and comes back"],
  ["/bin", "../../other/x", "../../other/x", undefined, "climbs out for good"],
])("in %s, %s becomes %s and leads to %s: %s", (directory, body, rewritten, guest) => {
  expect(resolveLink(directory, body, context())).toEqual({ body: rewritten, ...(guest !== undefined && { guest }) });
});

test("preserved links keep their bytes", () => {
  expect(resolveLink("/bin", "/srv/app/lib/x", context({ preserve: true })).body).toBe("/srv/app/lib/x");
});

test("with ROOT / nothing is rewritten, and .. stops at the root as the kernel has it", () => {
  expect(resolveLink("/bin", "../../lib/x", context({ roots: ["/"] }))).toEqual({
    body: "../../lib/x",
    guest: "/lib/x",
  });
});
