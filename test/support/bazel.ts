/** Workspaces for tests of the Bazel rules: written by the test, built by the Bazel of this machine, each with a server of its own that ends with it. */

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const CHECKOUT = join(import.meta.dirname, "../..");

/** Why nothing here can run, or false. */
export const bazelIsMissing: string | false =
  spawnSync("bazel", ["--version"]).error === undefined ? false : "bazel is not installed (Debian: bazel-bootstrap)";

/** An entry of Bazel's execution log. Internal actions, such as symlinks, are not in it. */
export interface Spawn {
  readonly mnemonic: string;
  readonly runner: string;
  readonly remoteCacheHit: boolean;
  readonly listedOutputs: readonly string[];
  readonly commandArgs: readonly string[];
}

export interface BazelResult {
  readonly status: number | null;
  /** One character a byte. */
  readonly stdout: string;
  readonly stderr: string;
  /** What ran or came from a cache, in byte order of what was made: `BinaryFsShard 3` for `3.shard`, `BinaryFsLink fs.so`. */
  readonly ran: readonly string[];
  readonly spawns: readonly Spawn[];
}

/** What every workspace here begins with. */
export const WORKSPACE_FILE = `workspace(name = "tested")
local_repository(name = "binaryfs", path = "${CHECKOUT}")
load("@binaryfs//rules/bazel:offline.bzl", "offline_repositories")
load("@binaryfs//rules/bazel:repositories.bzl", "binaryfs_local")
binaryfs_local()
offline_repositories()
`;

export const LOAD = `load("@binaryfs//rules/bazel:defs.bzl", "binary_fs", "binary_fs_run", "binary_fs_test")\n`;

export interface WorkspaceOptions {
  readonly workspaceFile?: string;
  /** Flags of every build, run and test. */
  readonly flags?: readonly string[];
  /** The workspace's directory, which then stays; default: a new one. */
  readonly directory?: string;
}

export class BazelWorkspace {
  readonly directory: string;
  readonly #temporary: string;
  readonly #flags: readonly string[];
  #bin = "";

  constructor({ workspaceFile = WORKSPACE_FILE, flags = [], directory }: WorkspaceOptions = {}) {
    // Bazel resolves its output base, and so do paths in its messages.
    this.#temporary = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-bazel-")));
    this.directory = directory ?? join(this.#temporary, "workspace");
    this.#flags = flags;
    if (directory === undefined) this.write({ WORKSPACE: workspaceFile });
  }

  /** Names and texts are one character a byte. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = this.path(name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(Buffer.from(path, "latin1"), text, "latin1");
    }
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  build(targets: readonly string[], flags: readonly string[] = []): Promise<BazelResult> {
    return this.#command("build", targets, flags);
  }

  test(targets: readonly string[], flags: readonly string[] = []): Promise<BazelResult> {
    return this.#command("test", targets, flags);
  }

  /** @param args of the program */
  run(target: string, args: readonly string[] = [], flags: readonly string[] = []): Promise<BazelResult> {
    return this.#command("run", [target, "--", ...args], flags);
  }

  /** Outputs go, the server stays. */
  async clean(): Promise<void> {
    await this.#bazel(["clean"]);
  }

  async info(key: string): Promise<string> {
    return (await this.#bazel(["info", key])).stdout.trim();
  }

  /** Absolute path of an output, as it is named beneath bazel-bin. */
  async output(name: string): Promise<string> {
    if (this.#bin === "") this.#bin = await this.info("bazel-bin");
    return join(this.#bin, name);
  }

  async bytes(name: string): Promise<Buffer> {
    return readFileSync(await this.output(name));
  }

  async close(): Promise<void> {
    await this.#bazel(["shutdown"]);
    // Bazel takes the right to write away from what it has made.
    spawnSync("chmod", ["-R", "u+w", this.#temporary]);
    rmSync(this.#temporary, { recursive: true, force: true });
  }

  async #command(command: string, targets: readonly string[], flags: readonly string[]): Promise<BazelResult> {
    const log = join(this.#temporary, "execution.json");
    rmSync(log, { force: true });
    const common = ["--color=no", "--curses=no", "--symlink_prefix=/", "--nosandbox_debug", "--verbose_failures"];
    const logging = `--execution_log_json_file=${log}`;
    const result = await this.#bazel([command, ...common, logging, ...this.#flags, ...flags, ...targets]);
    const spawns = readLog(log).filter(({ mnemonic }) => mnemonic !== "TestRunner");
    return { ...result, spawns, ran: spawns.map(nameOf).sort() };
  }

  async #bazel(words: readonly string[]) {
    // Whatever is to be downloaded fails at once, and no configuration of the user has a say; the system's tells where Bazel is installed.
    const nowhere = "http://127.0.0.1:9";
    const { BINARYFS_HOME: _home, BINARYFS_NODE: _node, ...env } = process.env;
    const startup = [
      `--output_user_root=${join(this.#temporary, "bazel")}`,
      "--nohome_rc",
      "--noworkspace_rc",
      "--host_jvm_args=-Xmx768m",
      // Where it writes its log of executions before that gets its form, and leaves it.
      `--host_jvm_args=-Djava.io.tmpdir=${this.#temporary}`,
      // Where a test is killed.
      "--max_idle_secs=300",
    ];
    const child = spawn("bazel", [...startup, ...words], {
      cwd: this.directory,
      env: { ...env, HOME: this.#temporary, http_proxy: nowhere, https_proxy: nowhere },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = [child.stdout, child.stderr].map(async (stream) => {
      let text = "";
      for await (const chunk of stream) text += (chunk as Buffer).toString("latin1");
      return text;
    }) as [Promise<string>, Promise<string>];
    const status = await new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    return { status, stdout: await stdout, stderr: await stderr };
  }
}

/** JSON objects one after another, indented. */
function readLog(path: string): Spawn[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text
    .split(/(?<=^\})/m)
    .filter((object) => object.trim() !== "")
    .map((object) => JSON.parse(object) as Spawn);
}

function nameOf({ mnemonic, listedOutputs }: Spawn): string {
  const [output = ""] = listedOutputs.filter((path) => !/\.(?:contents\.jsonl|digest)$/.test(path));
  return `${mnemonic} ${output.replace(/^.*\//, "").replace(/\.shard$/, "")}`;
}
