/** Copies of examples/gradle, and the machine's Gradle run in them: offline, with a daemon of the test's own. */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { readableCli } from "../support/readable-copy.js";

const repository = join(import.meta.dirname, "../..");
/** What a checkout has where somebody has built in it. */
const built = /\/(?:build|\.gradle)$/;

const stdoutOf = (command: string, args: readonly string[]): string | undefined => {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
};

/** Debian's Gradle takes no newer one than 17. */
const debians = "/usr/lib/jvm/java-17-openjdk-amd64";

function javaHome(): string | undefined {
  if (existsSync(debians)) return debians;
  const compiler = stdoutOf("sh", ["-c", "command -v javac"]);
  return compiler === undefined ? undefined : dirname(dirname(realpathSync(compiler)));
}

export const JDK = javaHome();

/** Why nothing of this can run here, where it cannot. */
export function whatIsMissing(): string | undefined {
  if (stdoutOf("sh", ["-c", "command -v gradle"]) === undefined) return "gradle is not installed";
  if (JDK === undefined || !existsSync(join(JDK, "jmods/java.base.jmod")))
    return "no JDK with jmods is installed (Debian: openjdk-17-jdk-headless)";
  return undefined;
}

/** The smallest JVM: a fifth of a JDK, and as real. */
export function makeRuntimeImage(directory: string): void {
  const options = [
    "--add-modules",
    "java.base",
    "--strip-java-debug-attributes",
    "--no-header-files",
    "--no-man-pages",
  ];
  execFileSync(join(JDK as string, "bin/jlink"), [...options, "--output", directory]);
}

export interface GradleRun {
  readonly status: number | null;
  readonly output: string;
  /** By the task's path; what has no mark behind its name was executed. */
  readonly tasks: ReadonlyMap<string, string>;
}

/** Of `:binaryFs UP-TO-DATE`: where output of a program follows at once, the line of its task has no mark. */
const taskLine = /^(?:> Task )?(:[\w:]+)(?: (UP-TO-DATE|FROM-CACHE|NO-SOURCE|SKIPPED|FAILED))?$/gm;

interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What starts the command as someone else. */
  readonly prefix?: readonly string[];
  readonly umask?: string;
}

export class GradleProject {
  /** `binaryfs`, as its users have it: readable by everyone. */
  static readonly cli = readableCli();
  readonly directory: string;
  readonly #gradleHome: string;

  /**
   * @param place where the copy of rules/gradle and examples/gradle is made, side by side as in the repository
   * @param gradleHome of all runs whose daemon may be the same
   */
  constructor(place: string, gradleHome: string) {
    this.directory = join(place, "examples/gradle");
    this.#gradleHome = gradleHome;
    for (const name of ["rules/gradle", "examples/gradle"])
      cpSync(join(repository, name), join(place, name), { recursive: true, filter: (from) => !built.test(from) });
  }

  /** @param path of a file in the project */
  readonly at = (path: string): string => join(this.directory, path);

  write(path: string, text: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
  }

  append(path: string, text: string): void {
    appendFileSync(this.at(path), `\n${text}\n`);
  }

  replace(path: string, from: string, to: string): void {
    const text = readFileSync(this.at(path), "utf8");
    if (!text.includes(from)) throw new Error(`${path} does not hold ${from}`);
    writeFileSync(this.at(path), text.replaceAll(from, to));
  }

  remove(path: string): void {
    rmSync(this.at(path), { recursive: true });
  }

  readonly text = (path: string): string => readFileSync(this.at(path), "utf8");

  /** What the engine said about the last run of the task. */
  report(): { digest: string; emittedBytes: number; imageBytes: number; method: string; upToDate: boolean } {
    return JSON.parse(this.text("build/tmp/binaryFs/report.json"));
  }

  /** Paths in the image, as the task lists them. */
  contents(): Map<string, { type: string; mode: string; sha256?: string }> {
    const lines = this.text("build/binaryfs/hello.contents.jsonl").trim().split("\n");
    return new Map(lines.map((line) => JSON.parse(line)).map((node) => [node.path, node]));
  }

  gradle(args: readonly string[], { input = "", env = {}, prefix = [], umask = "022" }: RunOptions = {}): GradleRun {
    const [command = "", ...words] = [
      ...prefix,
      "sh",
      "-c",
      `umask ${umask}; exec gradle "$@"`,
      "sh",
      ...this.#words(args),
    ];
    const { status, stdout, stderr } = spawnSync(command, words, {
      cwd: this.directory,
      env: { ...this.#environment(), ...env },
      encoding: "utf8",
      input,
    });
    const tasks = new Map([...stdout.matchAll(taskLine)].map(([, path, mark]) => [path as string, mark ?? "executed"]));
    return { status, output: stdout + stderr, tasks };
  }

  /** Runs on; the caller ends it. */
  start(args: readonly string[]) {
    const child = spawn("gradle", this.#words(args), { cwd: this.directory, env: this.#environment(), stdio: "pipe" });
    child.stdout.setEncoding("utf8");
    return child;
  }

  readonly #words = (args: readonly string[]): string[] => [
    "--offline",
    `-Pbinaryfs.cli=${GradleProject.cli}`,
    ...args,
  ];

  readonly #environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    GRADLE_USER_HOME: this.#gradleHome,
    JAVA_HOME: JDK,
    // Nothing of the user's own configuration.
    GRADLE_OPTS: "-Dorg.gradle.daemon.idletimeout=120000",
  });
}
