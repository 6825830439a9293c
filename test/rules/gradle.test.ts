/** The Gradle plugin, by the machine's Gradle on copies of examples/gradle. */

import { spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sharedLibraries } from "../../scripts/lib/closure.mjs";
import { temporaryDirectory } from "../link/stand-in.js";
import { type NginxCache, nginxMissing, startNginxCache } from "../support/nginx.js";
import { GradleProject, makeRuntimeImage, whatIsMissing } from "./gradle-project.js";

const LIBRARY = "build/binaryfs/hello.so";
const missing = whatIsMissing();
const scratch = temporaryDirectory("gradle");
const at = (name: string): string => join(scratch.path, name);
const gradleHome = at("home");

let project: GradleProject;

/** A copy of the example that packs a small JVM. */
function makeProject(name: string, jdk = at("jvm")): GradleProject {
  const made = new GradleProject(at(name), gradleHome);
  made.append("build.gradle", `binaryFs { jdk = file('${jdk}') }`);
  return made;
}

const binaryfs = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [GradleProject.cli, ...args], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
};

/** The bytes of a clean build by the command line, of TREE. */
function commandLineBuild(tree: string): Buffer {
  const library = at("by-the-command-line.so");
  const options = ["--mtime", "0", "--owner", "root", "--host-path", "/etc/resolv.conf", "--no-state", "--strict"];
  binaryfs("build", tree, "-o", library, ...options);
  return readFileSync(library);
}

const sameBytes = (one: Buffer, other: Buffer): boolean => one.equals(other);

beforeAll(() => {
  if (missing !== undefined) return;
  chmodSync(scratch.path, 0o755);
  makeRuntimeImage(at("jvm"));
  project = makeProject("first");
});

afterAll(() => {
  if (missing === undefined) project.gradle(["--stop"]);
  scratch.dispose();
});

beforeEach(({ skip }) => {
  if (missing !== undefined) skip(missing);
});

describe("binaryFs and runBinaryFs", () => {
  it("pack the application and run it from the library", () => {
    const { status, output, tasks } = project.gradle(["runBinaryFs", "-Pbinaryfs.args=one two"]);
    expect(output).toContain("resource   a resource of the application\n");
    expect(output).toContain("module     Hello, the image\n");
    expect(output).toContain("config     greeting = a file of the image's /etc\n");
    expect(output).toContain("undeclared absent\n");
    expect(output).toContain("arguments  [one, two]\n");
    expect(status).toBe(0);
    expect(tasks.get(":binaryFs")).toBe("executed");
    binaryfs("verify", project.at(LIBRARY), "--digest", project.text("build/binaryfs/hello.digest").trim());
    expect(binaryfs("ls", "--json", project.at(LIBRARY))).toBe(project.text("build/binaryfs/hello.contents.jsonl"));
  });

  it("leave a library that starts the application by itself, with nothing from the host", () => {
    const run = spawnSync(project.at(LIBRARY), ["/opt/java/bin/java", "@/app/java.args", "three"], {
      encoding: "utf8",
      env: { ...process.env, BINARYFS_HERMETIC: "1" },
    });
    expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining("arguments  [three]\n") });
  });

  it("find everything up to date in the second run, but for what runs", () => {
    const before = statSync(project.at(LIBRARY));
    const { status, tasks } = project.gradle(["runBinaryFs"]);
    expect(status).toBe(0);
    expect(Object.fromEntries(tasks)).toMatchObject({ ":binaryFs": "UP-TO-DATE", ":runBinaryFs": "executed" });
    expect(statSync(project.at(LIBRARY))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it("write the bytes that the command line writes for a tree laid out by the rules of the README", async () => {
    const tree = at("laid-out");
    const put = (path: string, from: string): void => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      copyFileSync(from, join(tree, path));
    };
    const excluded = /^(?:jmods|include|man|docs|demo|sample)(?:\/|$)|^(?:lib\/)?src\.zip$|^lib\/ct\.sym$/;
    cpSync(at("jvm"), join(tree, "opt/java"), {
      recursive: true,
      dereference: true,
      filter: (from) => !excluded.test(from.slice(at("jvm").length + 1)),
    });
    const natives = readdirSync(at("jvm/lib"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".so"),
    );
    const programs = [at("jvm/bin/java"), ...natives.map((name) => at(`jvm/lib/${name}`))];
    const libraries = (await sharedLibraries(programs)).filter((path) => !path.startsWith(at("jvm")));
    expect(libraries.some((path) => /\/libc\.so\.6$/.test(path))).toBe(true);
    for (const path of [...libraries, "/lib64/ld-linux-x86-64.so.2"]) put(path, path);
    cpSync(project.at("build/classes/java/main"), join(tree, "app/classes"), { recursive: true });
    cpSync(project.at("build/resources/main"), join(tree, "app/classes-2"), { recursive: true });
    put("app/lib/greeting.jar", project.at("greeting/build/libs/greeting.jar"));
    const command = [
      "-Xshare:auto",
      '"-Dhello.from=the image"',
      "-cp",
      "/app/classes:/app/classes-2:/app/lib/greeting.jar",
      "hello.Main",
    ];
    writeFileSync(join(tree, "app/java.args"), `${command.join("\n")}\n`);
    put("etc/hello/hello.properties", project.at("config/hello.properties"));
    for (const name of ["", ...readdirSync(tree, { recursive: true, encoding: "utf8" })]) {
      const path = join(tree, name);
      const { mode } = statSync(path);
      chmodSync(path, statSync(path).isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
    }
    expect(sameBytes(readFileSync(project.at(LIBRARY)), commandLineBuild(tree))).toBe(true);
  });
});

describe("after an edit, binaryFs", () => {
  /** What a clean build of the staging directory gives. */
  const expectCleanBytes = (): void =>
    expect(
      sameBytes(readFileSync(project.at(LIBRARY)), commandLineBuild(project.at("build/tmp/binaryFs/staging/tree"))),
    ).toBe(true);

  it("of one class runs again, writes little, and gives the bytes of a clean build", () => {
    project.replace("src/main/java/hello/Main.java", "undeclared ", "hidden     ");
    const { status, output, tasks } = project.gradle(["runBinaryFs"]);
    expect(status).toBe(0);
    expect(output).toContain("hidden     absent\n");
    expect(Object.fromEntries(tasks)).toMatchObject({
      ":greeting:jar": "UP-TO-DATE",
      ":processResources": "UP-TO-DATE",
      ":compileJava": "executed",
      ":binaryFs": "executed",
    });
    const { emittedBytes, imageBytes, method } = project.report();
    expect(imageBytes).toBeGreaterThan(30 << 20);
    expect(emittedBytes).toBeLessThan(2 << 20);
    expect(method).not.toBe("new");
    expectCleanBytes();
  });

  it("of the second module packs its jar anew", () => {
    project.replace("greeting/src/main/java/greeting/Greeting.java", "Hello", "Good day");
    expect(project.gradle(["runBinaryFs"]).output).toContain("module     Good day, the image\n");
    expect(project.report().emittedBytes).toBeLessThan(2 << 20);
    expectCleanBytes();
  });

  it("that removes a class and renames a resource packs neither of them", () => {
    project.write("src/main/java/hello/Spare.java", "package hello;\n\nfinal class Spare {}\n");
    project.write("src/main/resources/hello/old/name.txt", "old\n");
    expect(project.gradle(["binaryFs"]).status).toBe(0);
    const before = [...project.contents().keys()];
    project.remove("src/main/java/hello/Spare.java");
    project.remove("src/main/resources/hello/old");
    project.write("src/main/resources/hello/new.txt", "old\n");
    expect(project.gradle(["binaryFs"]).status).toBe(0);
    const after = [...project.contents().keys()];
    expect(before.filter((path) => !after.includes(path))).toEqual([
      "/app/classes-2/hello/old",
      "/app/classes-2/hello/old/name.txt",
      "/app/classes/hello/Spare.class",
    ]);
    expect(after.filter((path) => !before.includes(path))).toEqual(["/app/classes-2/hello/new.txt"]);
    expectCleanBytes();
  });

  it("of a mode alone runs again: Gradle's fingerprints hold no modes", () => {
    chmodSync(project.at("config/hello.properties"), 0o744);
    expect(project.gradle(["binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    expect(project.contents().get("/etc/hello/hello.properties")).toMatchObject({ mode: "0755" });
    chmodSync(project.at("config/hello.properties"), 0o600);
    expect(project.gradle(["binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    expect(project.contents().get("/etc/hello/hello.properties")).toMatchObject({ mode: "0644" });
  });

  it("that exchanges two files of one relative path runs again: fingerprints do not say which is which", () => {
    project.write("one/name", "1\n");
    project.write("two/name", "2\n");
    project.append("build.gradle", "binaryFs { files '/etc/one', 'one'; files '/etc/two', 'two' }");
    expect(project.gradle(["binaryFs"]).status).toBe(0);
    const before = project.contents();
    project.write("one/name", "2\n");
    project.write("two/name", "1\n");
    expect(project.gradle(["binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    expect(project.contents().get("/etc/one/name")?.sha256).toBe(before.get("/etc/two/name")?.sha256);
    expect(project.contents().get("/etc/two/name")?.sha256).toBe(before.get("/etc/one/name")?.sha256);
  });

  it("names jars of one file name apart and keeps the order of the classpath", () => {
    for (const name of ["x", "y"]) {
      mkdirSync(project.at(`libs/${name}`), { recursive: true });
      copyFileSync(project.at("greeting/build/libs/greeting.jar"), project.at(`libs/${name}/other.jar`));
    }
    project.append("build.gradle", "dependencies { implementation files('libs/y/other.jar', 'libs/x/other.jar') }");
    const { output } = project.gradle(["runBinaryFs"]);
    expect(output).toMatch(/ and \S*:\/app\/lib\/other\.jar:\/app\/lib\/other-2\.jar\b/);
  });
});

describe("the build cache", () => {
  const cached = (name: string, jdk?: string): GradleProject => {
    const made = makeProject(name, jdk);
    made.append("settings.gradle", `buildCache { local(DirectoryBuildCache) { directory = '${at("build-cache")}' } }`);
    return made;
  };
  let one: GradleProject;
  let bytes: Buffer;

  it("gives a cleaned checkout its library back", () => {
    one = cached("cached");
    expect(one.gradle(["--build-cache", "binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    bytes = readFileSync(one.at(LIBRARY));
    const { tasks } = one.gradle(["--build-cache", "clean", "binaryFs"]);
    expect(tasks.get(":binaryFs")).toBe("FROM-CACHE");
    expect(sameBytes(readFileSync(one.at(LIBRARY)), bytes)).toBe(true);
  });

  it("serves another checkout with another umask and the JDK elsewhere, which builds the same bytes itself", () => {
    cpSync(at("jvm"), at("elsewhere/jvm"), { recursive: true, verbatimSymlinks: true });
    const other = cached("a/deeper/place", at("elsewhere/jvm"));
    // A daemon has the umask that it was started with.
    const itself = other.gradle(["--no-daemon", "binaryFs"], { umask: "077" });
    expect(itself.tasks.get(":binaryFs")).toBe("executed");
    expect(sameBytes(readFileSync(other.at(LIBRARY)), bytes)).toBe(true);
    const { tasks, output } = other.gradle(["--build-cache", "cleanBinaryFs", "runBinaryFs"]);
    expect(tasks.get(":binaryFs")).toBe("FROM-CACHE");
    expect(output).toContain("module     Hello, the image\n");
    expect(sameBytes(readFileSync(other.at(LIBRARY)), bytes)).toBe(true);
  });

  it("is followed by the right bytes after the next edit: what is kept between builds is no output", () => {
    one.write("src/main/resources/hello/name.txt", "edited\n");
    expect(one.gradle(["--build-cache", "binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    one.write("src/main/resources/hello/name.txt", "a resource of the application\n");
    expect(one.gradle(["--build-cache", "binaryFs"]).tasks.get(":binaryFs")).toBe("FROM-CACHE");
    expect(sameBytes(readFileSync(one.at(LIBRARY)), bytes)).toBe(true);
    one.write("src/main/resources/hello/name.txt", "edited again\n");
    expect(one.gradle(["--build-cache", "binaryFs"]).tasks.get(":binaryFs")).toBe("executed");
    const staging = one.at("build/tmp/binaryFs/staging/tree");
    expect(sameBytes(readFileSync(one.at(LIBRARY)), commandLineBuild(staging))).toBe(true);
  });

  it("has nothing for another binaryfs", () => {
    const cli = at("other-binaryfs");
    writeFileSync(cli, `#!/bin/sh\n# another one\nexec "${process.execPath}" "${GradleProject.cli}" "$@"\n`, {
      mode: 0o755,
    });
    const { tasks } = one.gradle(["--build-cache", "clean", "binaryFs", `-Pbinaryfs.cli=${cli}`]);
    expect(tasks.get(":binaryFs")).toBe("executed");
  });
});

describe("a remote cache", () => {
  let cache: NginxCache;
  const sharing = (name: string, url = cache.url): GradleProject => {
    const made = makeProject(name);
    made.append("build.gradle", `binaryFs { remoteCache { url = '${url}'; timeoutSeconds = 3600 } }`);
    return made;
  };
  beforeAll(async () => {
    if (missing === undefined && nginxMissing() === undefined)
      cache = await startNginxCache({ directory: at("remote-cache") });
  });
  afterAll(() => cache?.stop());
  beforeEach(({ skip }) => {
    const reason = nginxMissing();
    if (reason !== undefined) skip(reason);
  });

  it("gives another checkout the library that the first one stored", () => {
    const one = sharing("sharing");
    expect(one.gradle(["binaryFs"]).status).toBe(0);
    expect(one.report().method).toBe("new");
    expect(cache.names("ac")).toHaveLength(1);
    const other = sharing("sharing-too");
    const { tasks, output } = other.gradle(["runBinaryFs"]);
    expect(tasks.get(":binaryFs")).toBe("executed");
    expect(other.report().method).toBe("remote");
    expect(output).toContain("module     Hello, the image\n");
    expect(sameBytes(readFileSync(other.at(LIBRARY)), readFileSync(one.at(LIBRARY)))).toBe(true);
  });

  it("that is away costs a warning", () => {
    const { status, output } = sharing("cut-off", "http://127.0.0.1:1").gradle(["binaryFs"]);
    expect(output).toMatch(/binaryfs: remote-cache-off: .*http:\/\/127\.0\.0\.1:1/);
    expect(status).toBe(0);
  });
});

describe("what is wrong", () => {
  let broken: GradleProject;
  let script: string;

  beforeAll(() => {
    if (missing !== undefined) return;
    broken = makeProject("broken");
    script = broken.text("build.gradle");
  });

  it.each([
    [
      "a JDK that is not there",
      "jdk = file('no-jdk')",
      /binaryfs: jdk-missing: there is no JDK \(\S+\/no-jdk\)\n {4}\S/,
    ],
    [
      "a host path that is not absolute",
      "hostPaths = ['etc']",
      /binaryfs: bad-host-path: .*not absolute \(etc\)\n {4}\S/,
    ],
    ["a pattern without a match", "exclude '/no/such/*'", /binaryfs: pattern-unmatched: .*\/no\/such\/\*\n {4}\S/],
    ["a volume that never works", "volumes = ['/']", /binaryfs: bad-volume: .*\n {4}\S/],
    ["no class to start", "mainClass = provider { null }", /binaryfs: main-class-missing: .*\n {4}\S/],
    ["a path that is none in an image", "files 'etc/x', 'config'", /binaryfs: bad-image-path: .*\(etc\/x\)\n {4}\S/],
    [
      "a file where a directory is",
      "files '/etc', file('etc/hello')",
      /binaryfs: path-conflict: .*\(\/etc\/hello\)\n {4}\S/,
    ],
    ["no command line tool", "cli = '/no/binaryfs'", /binaryfs: cli-missing: .*\(\/no\/binaryfs\)\n {4}\S/],
  ])("is said in two lines, and nothing is left: %s", (_what, line, message) => {
    broken.write("build.gradle", `${script}\nbinaryFs { ${line} }\n`);
    broken.write("etc/hello", "a file\n");
    const { status, output, tasks } = broken.gradle(["binaryFs"]);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/^\s+at /m);
    expect(tasks.get(":binaryFs")).toBe("FAILED");
    expect(status).toBe(1);
    expect(existsSync(broken.at("build/binaryfs")) ? readdirSync(broken.at("build/binaryfs")) : []).toEqual([]);
  });

  it("in the program is its exit status; it has standard input, variables and doors of the run", () => {
    broken.write(
      "build.gradle",
      `${script}\nrunBinaryFs { environment 'NAME', 'from Gradle'; hostPaths = ['${broken.at("greeting")}']; volumes = ['/data=${at("data")}']; hermetic = true }\n`,
    );
    mkdirSync(at("data"));
    const statements = [
      `System.out.println("read " + new java.util.Scanner(System.in).nextLine() + " " + System.getenv("NAME"));`,
      `System.out.println("host path " + new java.io.File("${broken.at("greeting/build.gradle")}").exists());`,
      `try { java.nio.file.Files.write(java.nio.file.Paths.get("/data/kept"), new byte[3]); } catch (java.io.IOException e) { throw new RuntimeException(e); }`,
      "System.exit(3);",
    ];
    broken.write(
      "src/main/java/hello/Main.java",
      `package hello;\n\npublic class Main { public static void main(String[] args) { ${statements.join("\n")} } }\n`,
    );
    const { status, output } = broken.gradle(["runBinaryFs"], { input: "a line\n" });
    expect(output).toContain("read a line from Gradle\n");
    expect(output).toContain("host path true\n");
    expect(output).toMatch(/finished with non-zero exit value 3$/m);
    expect(status).toBe(1);
    expect(statSync(at("data/kept")).size).toBe(3);
  });
});

describe("--continuous", () => {
  it("packs again after an edit", async () => {
    const contents = () => project.contents().get("/app/classes-2/hello/name.txt")?.sha256;
    const child = project.start(["--continuous", "binaryFs"]);
    const closed = once(child, "close");
    let output = "";
    const arrived = new EventEmitter();
    child.stdout.on("data", (text: string) => {
      output += text;
      arrived.emit("text");
    });
    const waiting = async (times: number): Promise<void> => {
      while (output.split("Waiting for changes").length <= times) await once(arrived, "text");
    };
    try {
      await waiting(1);
      const before = contents();
      project.write("src/main/resources/hello/name.txt", "while it was watching\n");
      await waiting(2);
      expect(contents()).not.toBe(before);
      expect(output).toContain("BUILD SUCCESSFUL");
    } finally {
      child.kill("SIGTERM");
      await closed;
    }
  });
});

describe("the plugin", () => {
  it("is built by itself, and its jar serves a build without buildSrc, with what the application plugin says", () => {
    const rules = join(project.directory, "../../rules/gradle");
    const alone = makeProject("alone");
    const jar = spawnSync("gradle", ["--offline", "-p", rules, "jar"], {
      encoding: "utf8",
      env: { ...process.env, GRADLE_USER_HOME: gradleHome },
    });
    expect(jar.status, jar.stdout + jar.stderr).toBe(0);
    alone.remove("buildSrc");
    alone.write(
      "build.gradle",
      [
        `buildscript { dependencies { classpath fileTree('${rules}/build/libs') } }`,
        "apply plugin: 'io.binaryfs'",
        "apply plugin: 'application'",
        "mainClassName = 'hello.Main'",
        "applicationDefaultJvmArgs = ['-Dhello.from=a jar']",
        "dependencies { implementation project(':greeting') }",
        `binaryFs { jdk = file('${at("jvm")}'); files '/etc/hello', 'config'; imageName = 'other' }`,
      ].join("\n"),
    );
    const { status, output } = alone.gradle(["runBinaryFs"]);
    expect(output).toContain("module     Hello, a jar\n");
    expect(status).toBe(0);
    expect(readdirSync(alone.at("build/binaryfs")).sort()).toEqual([
      "other.contents.jsonl",
      "other.digest",
      "other.so",
    ]);
  });

  it("packs the machine's JDK, as a user without rights", ({ skip }) => {
    if (process.getuid?.() !== 0) skip("not root: all of this ran as such a user");
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    const theirs = new GradleProject(at("nobody"), at("nobody-home"));
    // What Gradle makes once from its own jars, in half a minute.
    const version = readdirSync(join(gradleHome, "caches")).find((name) => /^\d/.test(name)) as string;
    const generated = `caches/${version}/generated-gradle-jars`;
    mkdirSync(at("nobody-home"));
    if (existsSync(join(gradleHome, generated)))
      cpSync(join(gradleHome, generated), join(at("nobody-home"), generated), { recursive: true });
    for (const name of ["nobody", "nobody-home"]) {
      for (const path of ["", ...readdirSync(at(name), { recursive: true, encoding: "utf8" })])
        chownSync(join(at(name), path), 65534, 65534);
    }
    const options = { prefix: nobody, env: { HOME: at("nobody-home") } };
    const { status, output } = theirs.gradle(["--no-daemon", "runBinaryFs"], options);
    expect(output).toContain("module     Hello, the image\n");
    expect(output).toContain("undeclared absent\n");
    expect(status).toBe(0);
    const paths = [...theirs.contents().keys()];
    expect(paths.filter((path) => /^\/opt\/java\/(?:jmods|include|man)|src\.zip$/.test(path))).toEqual([]);
    // Debian keeps these behind symbolic links into /etc.
    expect(theirs.contents().get("/opt/java/conf/security/java.security")).toMatchObject({
      type: "file",
      mode: "0644",
    });
    rmSync(at("nobody"), { recursive: true });
  });
});
