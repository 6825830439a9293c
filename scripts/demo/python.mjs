/** What of this machine a Python application needs: interpreter, standard library, the libraries behind its extension modules. */
import { readdirSync } from "node:fs";
import { asPattern, existing, filesBelow, sharedLibraries } from "../lib/closure.mjs";
import { run } from "../lib/process.mjs";
import { inProject } from "../lib/project.mjs";

const question = `
import json, sys, sysconfig
print(json.dumps({"executable": sys.executable, "version": sys.version.split()[0],
  "standard": sorted({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})}))
`;

/**
 * @typedef {object} Program
 * @property {string} title
 * @property {string} summary what was selected, for the reader
 * @property {string} library name of the library to build
 * @property {readonly string[]} selection arguments of `binaryfs build`
 * @property {(absent: string, written: string) => string[]} command the program in the image and its arguments
 */

/** @returns {Promise<Program | undefined>} undefined where no interpreter can be read */
export async function python() {
  const found = await interpreter();
  if (found === undefined) return undefined;
  const application = inProject("examples/python-hello");
  const extensions = found.standard.flatMap((directory) => {
    return filesBelow(directory, (path) => path.endsWith(".so") && path.includes("/lib-dynload/")).files;
  });
  const libraries = await sharedLibraries([found.executable, ...extensions]);
  // An include takes the symbolic links on its way and what they lead to.
  const includes = existing([found.executable, ...found.standard, ...libraries, "/etc/ld.so.cache", application]);
  return {
    title: `Python ${found.version}`,
    summary: `${found.executable}, its standard library, ${libraries.length} shared libraries, examples/python-hello`,
    library: "python.so",
    selection: [
      ...includes.map((path) => `--include=${asPattern(path)}`),
      ...found.standard.flatMap((directory) => excluded(directory)),
      "--host-path=/etc/resolv.conf",
    ],
    command: (absent, written) => [
      found.executable,
      application,
      `--absent=${absent}`,
      `--write=${written}`,
      "--host-path=/etc/resolv.conf",
    ],
  };
}

/** Tests, what links programs, and packages that are not the standard library's. @param {string} directory */
function excluded(directory) {
  const names = readdirSync(directory).filter((name) => /^(?:test|site-packages|dist-packages|config-.*)$/.test(name));
  return names.map((name) => `--exclude=${asPattern(`${directory}/${name}`)}/*`);
}

/**
 * The interpreter behind `python3`, asked itself: what PATH names may be a shell script, or lie where this user may not read.
 * @returns {Promise<{ executable: string, version: string, standard: string[] } | undefined>}
 */
async function interpreter() {
  for (const candidate of ["python3", "/usr/bin/python3", "/usr/local/bin/python3"]) {
    const { status, stdout } = await run(candidate, ["-I", "-c", question]);
    if (status === 0) return JSON.parse(stdout);
  }
  return undefined;
}
