/** A real remote cache: nginx with its DAV module, set up as Bazel documents it (https://bazel.build/remote/caching#nginx), on loopback. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface NginxOptions {
  /** Made if missing; holds the configuration, the logs and, in `cache`, what is stored. */
  readonly directory: string;
  readonly basicAuth?: { readonly user: string; readonly password: string };
  /** Serves https with a certificate made for it, `certificate.pem` of the directory. */
  readonly tls?: boolean;
  /** Nothing may be stored. */
  readonly readOnly?: boolean;
}

export interface NginxCache {
  /** Without a slash at the end. */
  readonly url: string;
  /** Where `/ac/` and `/cas/` are. */
  readonly store: string;
  /** Of the server's certificate. */
  readonly certificate: string;
  /** Requests that were answered since the last call, in their order. */
  requests(): Promise<NginxRequest[]>;
  /** Hashes below `ac` or `cas`. */
  names(kind: "ac" | "cas"): string[];
  stop(): Promise<void>;
}

export interface NginxRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Of the request with its body. */
  readonly requestBytes: number;
}

/** Why there is none on this machine; undefined where there is. */
export function nginxMissing(): string | undefined {
  const found = spawnSync("nginx", ["-V"], { encoding: "utf8", env: environment() });
  if (found.error !== undefined) return "nginx is not installed";
  return found.stderr.includes("http_dav_module") ? undefined : "nginx has no DAV module";
}

/** Administration tools are not in every user's PATH. */
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

const ATTEMPTS = 5;

export async function startNginxCache(options: NginxOptions): Promise<NginxCache> {
  for (let attempt = 1; ; attempt++) {
    const started = await start(options, await freePort());
    if (started !== undefined) return started;
    // Another process may have taken the port meanwhile.
    if (attempt === ATTEMPTS) throw new Error(readFileSync(join(options.directory, "error.log"), "utf8"));
  }
}

async function start(options: NginxOptions, port: number): Promise<NginxCache | undefined> {
  const { directory, tls = false } = options;
  const at = (name: string): string => join(directory, name);
  for (const name of [directory, at("cache"), at("temporary")]) mkdirSync(name, { recursive: true });
  if (options.basicAuth !== undefined) writeFileSync(at("passwords"), passwordLine(options.basicAuth));
  if (tls && !existsSync(at("certificate.pem"))) makeCertificate(directory);
  writeFileSync(at("nginx.conf"), configuration(options, port));
  writeFileSync(at("access.log"), "");
  rmSync(at("marks.socket"), { force: true });
  const child = spawn("nginx", ["-e", at("error.log"), "-p", directory, "-c", at("nginx.conf")], {
    env: environment(),
    stdio: "ignore",
  });
  if (!(await answers(child, at("marks.socket")))) return undefined;
  let seen = 0;
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    store: at("cache"),
    certificate: at("certificate.pem"),
    requests: async () => {
      const lines = await loggedLines(at("access.log"), at("marks.socket"));
      const fresh = lines.slice(seen);
      seen = lines.length;
      return fresh.map(parseLine).filter(({ path }) => path !== "/" && !path.startsWith(SENTINEL));
    },
    names: (kind) => (existsSync(at(`cache/${kind}`)) ? readdirSync(at(`cache/${kind}`)).sort() : []),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** A socket beside it marks places in the log, whatever the cache asks for, and says when nginx is ready: it answers once all sockets are bound. */
function configuration({ directory, basicAuth, tls, readOnly }: NginxOptions, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${directory}/temporary/${kind};`,
  );
  return `
${process.geteuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections 256; }
http {
  log_format plain '$request_method $uri $status $request_length';
  access_log ${directory}/access.log plain;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port}${tls === true ? " ssl" : ""};
    ${tls === true ? `ssl_certificate ${directory}/certificate.pem; ssl_certificate_key ${directory}/key.pem;` : ""}
    root ${directory}/cache;
    ${basicAuth === undefined ? "" : `auth_basic cache; auth_basic_user_file ${directory}/passwords;`}
    location / {
      ${readOnly === true ? "limit_except GET { deny all; }" : "dav_methods PUT; create_full_put_path on;"}
      client_max_body_size 1G;
    }
  }
  server {
    listen unix:${directory}/marks.socket;
    location / { return 204; }
  }
}
`;
}

/** As htpasswd writes it. */
function passwordLine({ user, password }: NonNullable<NginxOptions["basicAuth"]>): string {
  const hashed = spawnSync("openssl", ["passwd", "-apr1", password], { encoding: "utf8" });
  return `${user}:${hashed.stdout.trim()}\n`;
}

function makeCertificate(directory: string): void {
  const files = ["-keyout", join(directory, "key.pem"), "-out", join(directory, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    ...files,
    ...subject,
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Asks until there is an answer, or nginx has ended. */
async function answers(child: ChildProcess, socketPath: string): Promise<boolean> {
  let isRunning = true;
  for (const event of ["exit", "error"]) {
    child.once(event, () => {
      isRunning = false;
    });
  }
  while (isRunning) {
    if (await mark(socketPath, "/")) return true;
    await pause(5);
  }
  return false;
}

/** @returns whether nginx has answered */
async function mark(socketPath: string, path: string): Promise<boolean> {
  const request = get({ socketPath, path, agent: false });
  try {
    const [response] = await once(request, "response");
    response.resume();
    return true;
  } catch {
    return false;
  }
}

const SENTINEL = "/sentinel/";
let sentinels = 0;

/** nginx writes a line once a request is done: one that is asked for now comes after all that were done before. */
async function loggedLines(path: string, socketPath: string): Promise<string[]> {
  const sentinel = `${SENTINEL}${process.pid}-${++sentinels}`;
  if (!(await mark(socketPath, sentinel))) throw new Error("nginx is gone");
  for (;;) {
    const text = readFileSync(path, "utf8");
    if (text.includes(`${sentinel} `)) return text.trimEnd().split("\n");
    await pause(1);
  }
}

function parseLine(line: string): NginxRequest {
  const [method = "", path = "", status, requestBytes] = line.split(" ");
  return { method, path, status: Number(status), requestBytes: Number(requestBytes) };
}
