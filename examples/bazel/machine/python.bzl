"""The Python of this machine as a repository: interpreter, standard library and shared libraries, each at its own place beneath `root/`."""

load(":libraries.bzl", "link_at_same_place", "link_shared_libraries")

# What PATH names may be the shim of a version manager: asked itself, the interpreter says where it is.
_QUESTION = """
import json, os, sys, sysconfig
standard = sysconfig.get_path("stdlib")
dynamic = os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")
print(json.dumps({
    "interpreter": os.path.realpath(sys.executable),
    "standard": standard,
    "extensions": [os.path.join(dynamic, name) for name in sorted(os.listdir(dynamic)) if name.endswith(".so")],
}))
"""

# Compiled files are left out: they are valid for the times of the sources on this machine alone.
_BUILD = """package(default_visibility = ["//visibility:public"])

filegroup(
    name = "runtime",
    srcs = glob(
        ["root/**"],
        exclude = [
            "root{standard}/config-*/**",
            "root{standard}/dist-packages/**",
            "root{standard}/idlelib/**",
            "root{standard}/site-packages/**",
            "root{standard}/test/**",
            "**/__pycache__/**",
        ],
    ),
)
"""

_DEFS = """# The interpreter, at the same path on this machine and in the image.
INTERPRETER = "{interpreter}"

# What is taken off the front of the paths of //:runtime.
ROOT = "external/{name}/root"
"""

def _ask(repository_ctx):
    for candidate in ["python3", "/usr/bin/python3", "/usr/local/bin/python3"]:
        command = repository_ctx.which(candidate) if "/" not in candidate else repository_ctx.path(candidate)
        if command == None or not command.exists:
            continue
        result = repository_ctx.execute([command, "-I", "-c", _QUESTION])
        if result.return_code == 0:
            return json.decode(result.stdout)
    fail("no python3 on this machine")

def _machine_python_impl(repository_ctx):
    found = _ask(repository_ctx)
    link_at_same_place(repository_ctx, found["interpreter"])
    link_at_same_place(repository_ctx, found["standard"])
    link_shared_libraries(repository_ctx, [found["interpreter"]] + found["extensions"])
    repository_ctx.file("BUILD.bazel", _BUILD.format(**found), executable = False)
    repository_ctx.file("defs.bzl", _DEFS.format(name = repository_ctx.name, **found), executable = False)

machine_python = repository_rule(
    doc = "`//:runtime` are the files, `//:defs.bzl` says where the interpreter is.",
    implementation = _machine_python_impl,
    environ = ["PATH"],
    local = True,
)
