"""A repository that stands for an installation of binaryfs on this machine. Nothing is downloaded."""

# What dist/bin/bazel.js loads besides dist itself.
_PACKAGES = ["pbf", "piscina", "xxhash-wasm"]

_BUILD = """load("{defs}", "binaryfs_toolchain")

package(default_visibility = ["//visibility:public"])

exports_files(["actions", "binaryfs"])

binaryfs_toolchain(
    name = "installation",
    actions = "actions",
    files = ["node"] + glob([
        "dist/bin/**",
        "dist/native/**",
        "dist/runtime/template.so",
        "node_modules/**",
        "package.json",
    ]),
)

toolchain(
    name = "toolchain",
    exec_compatible_with = {constraints},
    target_compatible_with = {constraints},
    toolchain = ":installation",
    toolchain_type = "{toolchain_type}",
)
"""

# Node stands beside it, as a file of the action.
_ACTIONS = """#!/bin/sh
exec "${0%/*}/node" "${0%/*}/dist/bin/bazel.js" "$@"
"""

_CLI = """#!/bin/sh
exec '{node}' '{home}/dist/bin/main.js' "$@"
"""

def _is_installation(directory):
    return directory.get_child("package.json").exists and directory.get_child("dist").get_child("bin").get_child("bazel.js").exists

def _installation(repository_ctx):
    """The directory that holds package.json and dist/."""
    given = repository_ctx.attr.path or repository_ctx.os.environ.get("BINARYFS_HOME", "")
    if given != "":
        directory = _absolute(repository_ctx, given)
        if not _is_installation(directory):
            fail("binaryfs: %s is no installation of binaryfs: there is no dist/bin/bazel.js; in a checkout, `npm run build` makes it" % directory)
        return directory
    own = repository_ctx.path(Label("//rules/bazel:BUILD.bazel")).dirname.dirname.dirname
    tried = [own]
    command = repository_ctx.which("binaryfs")
    if command != None:
        # PREFIX/bin/binaryfs is a link to dist/bin/main.js.
        tried.append(command.realpath.dirname.dirname.dirname)
    for directory in tried:
        if _is_installation(directory):
            return directory
    fail("binaryfs: no installation found in %s; build the checkout (`npm run build`), or name one with path or BINARYFS_HOME" %
         " or ".join([str(directory) for directory in tried]))

def _absolute(repository_ctx, path):
    if path.startswith("/"):
        return repository_ctx.path(path)

    # Known from Bazel 6 on.
    root = getattr(repository_ctx, "workspace_root", None)
    if root == None:
        fail("binaryfs: path is absolute for this version of Bazel, not \"%s\"" % path)
    for component in path.split("/"):
        if component not in ["", "."]:
            root = root.dirname if component == ".." else root.get_child(component)
    return root

def _node(repository_ctx):
    given = repository_ctx.attr.node or repository_ctx.os.environ.get("BINARYFS_NODE", "")
    node = repository_ctx.path(given) if given != "" else repository_ctx.which("node")
    if node == None or not node.exists:
        fail("binaryfs: Node is not on PATH; name it with node or BINARYFS_NODE")
    result = repository_ctx.execute([node, "-p", "process.versions.node + ' ' + process.execPath"])
    if result.return_code != 0:
        fail("binaryfs: %s does not run: %s" % (node, result.stderr))
    version, path = result.stdout.strip().split(" ", 1)
    major, minor = [int(number) for number in version.split(".")[:2]]
    if major < 20 or (major == 20 and minor < 19):
        fail("binaryfs: Node 20.19 or newer is needed; %s is %s" % (node, version))

    # Behind shims of version managers.
    return repository_ctx.path(path)

def _link_packages(repository_ctx, home):
    """Links the packages, and those that they need, wherever npm has put them: the closest node_modules above."""
    pending = [(name, home, True) for name in _PACKAGES]
    linked = {}
    for _ in range(200):
        if len(pending) == 0:
            break
        name, above, is_needed = pending.pop()
        if name in linked:
            continue
        directory = _package(above, name)
        if directory == None:
            if is_needed:
                fail("binaryfs: the package %s is not installed for %s; run `npm install` there" % (name, home))
            continue
        linked[name] = directory
        repository_ctx.symlink(directory, "node_modules/" + name)
        manifest = json.decode(repository_ctx.read(directory.get_child("package.json")))
        for needed in manifest.get("dependencies", {}):
            pending.append((needed, directory, True))
        for wanted in manifest.get("optionalDependencies", {}):
            pending.append((wanted, directory, False))

def _package(above, name):
    directory = above

    # Counted: asking for what is above the root ends Bazel 4.
    for _ in range(len(str(above).split("/"))):
        candidate = directory.get_child("node_modules")
        for part in name.split("/"):
            candidate = candidate.get_child(part)
        if candidate.exists:
            return candidate.realpath
        if str(directory) == "/":
            return None
        directory = directory.dirname
    return None

def _binaryfs_local_impl(repository_ctx):
    home = _installation(repository_ctx)
    node = _node(repository_ctx)
    repository_ctx.symlink(home.get_child("dist"), "dist")
    repository_ctx.symlink(home.get_child("package.json"), "package.json")
    repository_ctx.symlink(node, "node")
    _link_packages(repository_ctx, home)
    repository_ctx.file("actions", _ACTIONS, executable = True)
    repository_ctx.file("binaryfs", _CLI.format(home = home, node = node), executable = True)
    repository_ctx.file("BUILD.bazel", _BUILD.format(
        constraints = json.encode(repository_ctx.attr.constraints),
        defs = Label("//rules/bazel:defs.bzl"),
        toolchain_type = Label("//rules/bazel:toolchain_type"),
    ), executable = False)

binaryfs_local_repository = repository_rule(
    doc = "Finds an installation of binaryfs and makes a toolchain of it.",
    implementation = _binaryfs_local_impl,
    attrs = {
        "path": attr.string(
            doc = "Directory of the installation (it holds package.json and dist/): absolute or, from Bazel 6 on, relative to the workspace. " +
                  "Default: BINARYFS_HOME, else the checkout or package that these rules are a part of, else the one whose `binaryfs` is on PATH.",
        ),
        "node": attr.string(doc = "Node, as an absolute path. Default: BINARYFS_NODE, else `node` on PATH."),
        "constraints": attr.string_list(doc = "Labels of constraint values that say which machines the installation is for. Default: any."),
    },
    environ = ["BINARYFS_HOME", "BINARYFS_NODE", "PATH"],
    local = True,
)
