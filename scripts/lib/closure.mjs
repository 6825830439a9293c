/** Which paths a program needs beside its own: the shared libraries behind it, the symbolic links in its tree. */
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { run } from "./process.mjs";

/**
 * The shared libraries that FILES name, directly or through others, as this machine's loader finds them.
 * @param {readonly string[]} files programs and libraries
 * @returns {Promise<string[]>} absolute paths, without the vdso and without what is not installed
 */
export async function sharedLibraries(files) {
  const { stdout } = await run("ldd", files, { env: { LC_ALL: "C" } });
  const paths = new Set([...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1] ?? ""));
  // glibc opens this one by itself when a thread is cancelled or unwound.
  for (const path of [...paths]) {
    const unwinder = `${dirname(path)}/libgcc_s.so.1`;
    if (/\/libc\.so\.\d+$/.test(path) && existsSync(unwinder)) paths.add(unwinder);
  }
  return [...paths].sort();
}

/**
 * Files below DIRECTORY, symbolic links not followed.
 * @param {string} directory
 * @param {(path: string) => boolean} wanted
 * @returns {{ files: string[], links: string[] }}
 */
export function filesBelow(directory, wanted) {
  /** @type {{ files: string[], links: string[] }} */
  const found = { files: [], links: [] };
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    const path = `${entry.parentPath}/${entry.name}`;
    if (!wanted(path)) continue;
    if (entry.isSymbolicLink()) found.links.push(path);
    else if (entry.isFile()) found.files.push(path);
  }
  return found;
}

/** Those that lead somewhere. @param {readonly string[]} paths */
export const existing = (paths) => [...new Set(paths)].filter((path) => existsSync(path));

/** A path as a pattern that matches it alone. @param {string} path */
export const asPattern = (path) => path.replaceAll(/[\\*?[\]]/g, "\\$&");
