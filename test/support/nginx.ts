/** A real remote cache: nginx with its DAV module, set up as Bazel documents it (https://bazel.build/remote/caching#nginx), on loopback. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect, createServer } from "node:net";
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
  const child = spawn("nginx", ["-e", at("error.log"), "-p", directory, "-c", at("nginx.conf")], {
    env: environment(),
    stdio: "ignore",
  });
  if (!(await answers(child, port))) return undefined;
  let seen = 0;
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    store: at("cache"),
    certificate: at("certificate.pem"),
    requests: async () => {
      const lines = await loggedLines(at("access.log"), port + 1);
      const fresh = lines.slice(seen);
      seen = lines.length;
      return fresh.map(parseLine).filter(({ path }) => !path.startsWith(SENTINEL));
    },
    names: (kind) => (existsSync(at(`cache/${kind}`)) ? readdirSync(at(`cache/${kind}`)).sort() : []),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** Plain http on the next port marks a place in the log, whatever the cache asks for. */
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
    listen 127.0.0.1:${port + 1};
    location / { return 204; }
  }
}
`;
}

/** In the form that nginx reads by itself (RFC 2307, SHA-1 with salt). */
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

/** Two ports in a row. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port < 65_535 ? address.port : freePort();
}

/** Tries to connect until somebody listens, or nginx has ended. */
async function answers(child: ChildProcess, port: number): Promise<boolean> {
  let isRunning = true;
  child.once("exit", () => {
    isRunning = false;
  });
  child.once("error", () => {
    isRunning = false;
  });
  while (isRunning) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return isRunning;
    await pause(5);
  }
  return false;
}

const SENTINEL = "/sentinel/";
let sentinels = 0;

/** nginx writes a line once a request is done: one that is asked for now comes after all that were done before. */
async function loggedLines(path: string, port: number): Promise<string[]> {
  const sentinel = `${SENTINEL}${process.pid}-${++sentinels}`;
  const request = get(`http://127.0.0.1:${port}${sentinel}`, { agent: false });
  const [response] = await once(request, "response");
  response.resume();
  for (;;) {
    const text = statSync(path).size === 0 ? "" : readFileSync(path, "utf8");
    if (text.includes(`${sentinel} `)) return text.trimEnd().split("\n");
    await pause(1);
  }
}

function parseLine(line: string): NginxRequest {
  const [method = "", path = "", status, requestBytes] = line.split(" ");
  return { method, path, status: Number(status), requestBytes: Number(requestBytes) };
}
