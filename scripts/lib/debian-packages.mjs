/** The Debian packages that tests, gates and benchmarks use, each with how to see that it is there and what for. */
import { existsSync } from "node:fs";
import { which } from "./process.mjs";

/**
 * @typedef {"build" | "test" | "check" | "bench"} Need
 * @typedef {{ package: string, needs: readonly Need[], purpose: string, present: () => boolean }} DebianPackage
 */

/** @param {...string} names */
const commands =
  (...names) =>
  () =>
    names.every((name) => which(name) !== undefined);
/** @param {...string} paths */
const anyFile =
  (...paths) =>
  () =>
    paths.some((path) => existsSync(path));

const multiarch = "/usr/lib/x86_64-linux-gnu";

/** @type {readonly DebianPackage[]} */
export const debianPackages = [
  { package: "gcc", needs: ["build"], purpose: "compiles the runtime", present: commands("gcc") },
  { package: "make", needs: ["build"], purpose: "builds the runtime", present: commands("make") },
  {
    package: "binutils",
    needs: ["build"],
    purpose: "links the runtime",
    present: commands("ld", "objcopy", "readelf"),
  },
  {
    package: "libc6-dev",
    needs: ["build"],
    purpose: "kernel headers for the runtime",
    present: anyFile("/usr/include/asm/unistd.h", "/usr/include/x86_64-linux-gnu/asm/unistd.h"),
  },
  {
    package: "erofs-utils",
    needs: ["test", "bench"],
    purpose: "fsck.erofs judges every image; mkfs.erofs is compared in benchmarks",
    present: commands("fsck.erofs", "dump.erofs", "mkfs.erofs"),
  },
  { package: "squashfs-tools", needs: ["bench"], purpose: "mksquashfs in benchmarks", present: commands("mksquashfs") },
  { package: "tar", needs: ["bench"], purpose: "tar in benchmarks", present: commands("tar") },
  { package: "elfutils", needs: ["test"], purpose: "eu-elflint judges the libraries", present: commands("eu-elflint") },
  { package: "patchelf", needs: ["test"], purpose: "round trips of a library", present: commands("patchelf") },
  { package: "musl-tools", needs: ["test"], purpose: "musl programs from the image", present: commands("musl-gcc") },
  { package: "xz-utils", needs: ["test"], purpose: "the corpus of the fuzz targets", present: commands("xz") },
  {
    package: "strace",
    needs: ["test"],
    purpose: "shows that no call reaches the host; traces in an image",
    present: commands("strace"),
  },
  { package: "gdb", needs: ["test"], purpose: "debugs in an image", present: commands("gdb") },
  { package: "attr", needs: ["test"], purpose: "extended attributes", present: commands("setfattr", "getfattr") },
  {
    package: "util-linux",
    needs: ["test"],
    purpose: "setpriv, mount, losetup",
    present: commands("setpriv", "losetup"),
  },
  {
    package: "nginx",
    needs: ["test"],
    purpose: "a real remote cache, by its DAV module",
    present: anyFile("/usr/sbin/nginx", "/usr/bin/nginx"),
  },
  { package: "openssl", needs: ["test"], purpose: "certificates of the tests' https", present: commands("openssl") },
  {
    package: "python3",
    needs: ["build", "test"],
    purpose: "the program that demo and tests pack",
    present: commands("python3"),
  },
  {
    package: "python3-numpy",
    needs: ["test"],
    purpose: "a large extension module, under Debian's own interpreter",
    present: anyFile("/usr/lib/python3/dist-packages/numpy/__init__.py"),
  },
  {
    package: "libpython3.11-testsuite",
    needs: ["test"],
    purpose: "CPython's own suite, natively and from an image",
    present: anyFile("/usr/lib/python3.11/test/libregrtest/main.py"),
  },
  {
    package: "libpython3-dev",
    needs: ["test"],
    purpose: "a PIE interpreter that embeds libpython",
    present: () =>
      which("python3-config") !== undefined && anyFile(`${multiarch}/libpython3.11.so`, `${multiarch}/libpython3.so`)(),
  },
  { package: "git", needs: ["test"], purpose: "a version control system from the image", present: commands("git") },
  { package: "g++", needs: ["test"], purpose: "compilers from the image", present: anyFile("/usr/bin/g++") },
  { package: "patch", needs: ["test"], purpose: "scripts from the image", present: commands("patch") },
  { package: "procps", needs: ["test"], purpose: "ps, in scripts from the image", present: commands("ps") },
  {
    package: "python3-venv",
    needs: ["test"],
    purpose: "virtual environments and pip, from the image",
    present: () => anyFile("/usr/lib/python3.11/ensurepip")() && anyFile("/usr/share/python-wheels")(),
  },
  {
    package: "python3-setuptools",
    needs: ["test"],
    purpose: "wheels with C extensions",
    present: anyFile("/usr/lib/python3/dist-packages/setuptools"),
  },
  {
    package: "python3-wheel",
    needs: ["test"],
    purpose: "wheels with C extensions",
    present: anyFile("/usr/lib/python3/dist-packages/wheel"),
  },
  {
    package: "default-jdk-headless",
    needs: ["test"],
    purpose: "Java programs from the image",
    present: commands("java", "javac", "jar"),
  },
  {
    package: "bazel-bootstrap",
    needs: ["test"],
    purpose: "builds the workspaces that the Bazel rules are tested in",
    present: commands("bazel"),
  },
  { package: "gradle", needs: ["test"], purpose: "the Gradle plugin", present: commands("gradle") },
  {
    package: "openjdk-17-jdk-headless",
    needs: ["test"],
    purpose: "the JDK that Debian's gradle runs on, and jlink",
    present: anyFile("/usr/lib/jvm/java-17-openjdk-amd64/jmods/java.base.jmod"),
  },
  {
    package: "barbican-api",
    needs: ["test"],
    purpose: "Barbican from the image: a Python server with a database",
    present: anyFile("/etc/init.d/barbican-api"),
  },
  {
    package: "uwsgi-plugin-python3",
    needs: ["test"],
    purpose: "starts Barbican, as Debian does",
    present: anyFile("/usr/lib/uwsgi/plugins/python311_plugin.so"),
  },
  {
    package: "zookeeper",
    needs: ["test"],
    purpose: "ZooKeeper from the image: a Java server with a log on disk",
    present: anyFile("/usr/share/zookeeper/bin/zkServer.sh"),
  },
  {
    package: "python3-torch",
    needs: ["test"],
    purpose: "PyTorch from the image: worker processes and shared memory",
    present: anyFile("/usr/lib/python3/dist-packages/torch/__init__.py"),
  },
  {
    package: "postgresql-15",
    needs: ["test"],
    purpose: "a database of many processes from the image",
    present: anyFile("/usr/lib/postgresql/15/bin/initdb"),
  },
  {
    package: "redis-server",
    needs: ["test"],
    purpose: "a database that saves by fork, from the image",
    present: commands("redis-server", "redis-cli"),
  },
  { package: "curl", needs: ["test"], purpose: "asks the nginx of the image", present: commands("curl") },
  { package: "clang-format", needs: ["check"], purpose: "layout of the C", present: commands("clang-format") },
  { package: "clang-tidy", needs: ["check"], purpose: "static analysis of the C", present: commands("clang-tidy") },
];

/** @param {readonly Need[]} needs */
export const missingPackages = (needs) =>
  debianPackages.filter((entry) => entry.needs.some((need) => needs.includes(need)) && !entry.present());
