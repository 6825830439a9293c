/** What of this machine a Java application needs: the JDK without its sources and link-time modules, the libraries behind it. */
import { existsSync, mkdirSync } from "node:fs";
import { asPattern, existing, filesBelow, sharedLibraries } from "../lib/closure.mjs";
import { run } from "../lib/process.mjs";
import { inProject } from "../lib/project.mjs";

/** Parts of a JDK that no running program opens. */
const directories = ["jmods", "include", "man", "demo", "sample"];
const files = ["src.zip", "lib/src.zip", "lib/ct.sym"];
/** Windows on a screen: their libraries bring a whole desktop. */
const desktop = /\/lib(?:awt_xawt|splashscreen|jawt|fontmanager)\.so$/;

/**
 * @param {string} directory where the jar may be built
 * @returns {Promise<import("./python.mjs").Program | string>} a sentence where there is no JDK
 */
export async function java(directory) {
  const home = await javaHome();
  if (home === undefined)
    return "no JDK is installed here; with one (Debian: default-jdk-headless) a Java program is shown too";
  const jar = await buildJar(home.path, directory);
  if (jar === undefined) return `${home.path} is a runtime without javac and jar`;
  const inHome = (/** @type {string} */ name) => `${home.path}/${name}`;
  const skipped = (/** @type {string} */ path) =>
    [...directories, ...files, "docs", "legal"].some((name) => `${path}/`.startsWith(`${home.path}/${name}/`));
  const tree = filesBelow(home.path, (path) => !skipped(path) && !desktop.test(path));
  const binaries = [`${home.path}/bin/java`, ...tree.files.filter((path) => path.endsWith(".so"))];
  const libraries = (await sharedLibraries(binaries)).filter((path) => !path.startsWith(`${home.path}/`));
  // An include takes the symbolic links on its way and what they lead to: Debian keeps a JDK's configuration in /etc.
  const includes = existing([home.path, ...tree.links, ...libraries, "/etc/ld.so.cache", jar]);
  return {
    title: `Java ${home.version}`,
    summary: `${home.path}, ${libraries.length} shared libraries, examples/java-hello as a jar`,
    library: "java.so",
    selection: [
      ...includes.map((path) => `--include=${asPattern(path)}`),
      ...existing(directories.map(inHome)).map((path) => `--exclude=${asPattern(path)}/*`),
      ...existing(files.map(inHome)).map((path) => `--exclude=${asPattern(path)}`),
      "--host-path=/etc/resolv.conf",
    ],
    command: (absent, written) => [`${home.path}/bin/java`, "-jar", jar, absent, written],
  };
}

/** @returns {Promise<{ path: string, version: string } | undefined>} */
async function javaHome() {
  const { status, output } = await run("java", ["-XshowSettings:properties", "-version"]);
  const path = /^\s*java\.home = (\/.*)$/m.exec(output)?.[1];
  const version = /^\s*java\.version = (.*)$/m.exec(output)?.[1];
  return status === 0 && path !== undefined && version !== undefined && existsSync(path)
    ? { path, version }
    : undefined;
}

/** @param {string} home @param {string} directory @returns {Promise<string | undefined>} */
async function buildJar(home, directory) {
  const example = inProject("examples/java-hello");
  const classes = `${directory}/java-hello-classes`;
  const jar = `${directory}/java-hello.jar`;
  mkdirSync(classes, { recursive: true });
  const compiled = await run(`${home}/bin/javac`, ["--release", "11", "-d", classes, `${example}/src/hello/Main.java`]);
  if (compiled.status !== 0) return undefined;
  const resources = ["-C", `${example}/resources`, "."];
  const packed = await run(`${home}/bin/jar`, [
    "--create",
    "--file",
    jar,
    "--main-class",
    "hello.Main",
    "-C",
    classes,
    ".",
    ...resources,
  ]);
  return packed.status === 0 ? jar : undefined;
}
