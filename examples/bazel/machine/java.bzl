"""The JDK of this machine as a repository, and a rule for a runtime that holds some of its modules."""

load(":libraries.bzl", "link_shared_libraries")

_BUILD = """package(default_visibility = ["//visibility:public"])

exports_files(["jar", "javac", "jlink"])

filegroup(
    name = "libraries",
    srcs = glob(["root/**"]),
)
"""

_DEFS = """# What is taken off the front of the paths of //:libraries.
ROOT = "external/{name}/root"
"""

# As actions of Bazel's: these tools find their JDK by the path that they really have.
_TOOL = """#!/bin/sh
exec '{home}/bin/{name}' "$@"
"""

_TOOLS = ["jar", "javac", "jlink"]

def _home(repository_ctx):
    given = repository_ctx.os.environ.get("JAVA_HOME", "")
    if given != "" and repository_ctx.path(given).get_child("bin").get_child("jlink").exists:
        return given
    command = repository_ctx.which("jlink")
    if command == None:
        fail("no JDK on this machine: JAVA_HOME names none, and jlink is not on PATH (Debian: openjdk-17-jdk-headless)")
    return str(command.realpath.dirname.dirname)

def _machine_java_impl(repository_ctx):
    home = _home(repository_ctx)
    for name in _TOOLS:
        repository_ctx.file(name, _TOOL.format(home = home, name = name), executable = True)
    programs = ["bin/java", "lib/libjava.so", "lib/libnet.so", "lib/libnio.so", "lib/libzip.so", "lib/server/libjvm.so"]
    link_shared_libraries(repository_ctx, [home + "/" + program for program in programs], except_beneath = home)
    repository_ctx.file("BUILD.bazel", _BUILD, executable = False)
    repository_ctx.file("defs.bzl", _DEFS.format(name = repository_ctx.name), executable = False)

machine_java = repository_rule(
    doc = "`//:javac`, `//:jar` and `//:jlink` are tools; `//:libraries` is what a Java runtime needs of this machine beside itself.",
    implementation = _machine_java_impl,
    environ = ["JAVA_HOME", "PATH"],
    local = True,
)

def _java_runtime_impl(ctx):
    runtime = ctx.actions.declare_directory(ctx.label.name)

    # jlink makes its directory itself, and Bazel has made the other one before.
    ctx.actions.run(
        executable = ctx.executable._jlink,
        outputs = [runtime],
        arguments = [
            "--add-modules",
            ",".join(ctx.attr.modules),
            "--output",
            runtime.path + "/java",
            "--strip-java-debug-attributes",
            "--no-man-pages",
            "--no-header-files",
        ],
        mnemonic = "Jlink",
        progress_message = "Linking a Java runtime of %s" % ", ".join(ctx.attr.modules),
    )
    return [DefaultInfo(files = depset([runtime]))]

java_runtime_directory = rule(
    doc = "A directory that holds `java/`, a runtime with some modules of the JDK.",
    implementation = _java_runtime_impl,
    attrs = {
        "modules": attr.string_list(doc = "Names of modules.", default = ["java.base"]),
        "_jlink": attr.label(default = "@machine_java//:jlink", allow_single_file = True, cfg = "exec", executable = True),
    },
)
