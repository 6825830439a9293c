"""`binary_fs_run` and `binary_fs_test`: a program that runs in an image."""

load(":providers.bzl", "BinaryFsInfo")

def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"

def _with_colons(paths):
    return ":".join([path.replace("\\", "\\\\").replace(":", "\\:") for path in paths])

def _settings(ctx, info):
    attr = ctx.attr
    lines = []
    for name, value in attr.env.items():
        for character in name.elems():
            if not (character.isalnum() or character == "_"):
                fail("%s: no name of a variable: \"%s\"" % (ctx.label, name))
        if name == "" or name[0].isdigit() or name.startswith("_binaryfs_"):
            fail("%s: no name of a variable: \"%s\"" % (ctx.label, name))
        lines.append("export %s=%s" % (name, _quoted(value)))
    for volume in attr.volumes:
        if volume.partition("=")[2] == "":
            fail("%s: a volume is GUEST=HOST here, not \"%s\"" % (ctx.label, volume))
    if info.sealed and (len(attr.host_paths) > 0 or len(attr.volumes) > 0):
        fail("%s: the image is sealed: it takes no further host path and no volume" % ctx.label)
    if len(attr.host_paths) > 0:
        lines.append("_binaryfs_host_path %s" % _quoted(_with_colons(attr.host_paths)))
    if len(attr.volumes) > 0:
        lines.append("export BINARYFS_VOLUMES=\"${BINARYFS_VOLUMES:+$BINARYFS_VOLUMES:}\"%s" % _quoted(_with_colons(attr.volumes)))
    if attr.overlay_size != "":
        lines.append("export BINARYFS_OVERLAY_SIZE=%s" % _quoted(attr.overlay_size))
    if attr.hermetic:
        lines.append("export BINARYFS_HERMETIC=1")
    return lines

# The library is its own launcher: what it is to do stands in variables. Names of the launcher's own begin so that no variable of the program is one of them.
_LAUNCHER = """#!/bin/sh
set -eu
_binaryfs_library=
_binaryfs_look() {
    if [ -z "$_binaryfs_library" ] && [ -e "$1/$_binaryfs_path" ]; then _binaryfs_library=$1/$_binaryfs_path; fi
}
_binaryfs_host_path() {
    export BINARYFS_HOST_PATHS="${BINARYFS_HOST_PATHS:+$BINARYFS_HOST_PATHS:}$1"
}
_binaryfs_directory() {
    if [ -n "$1" ]; then _binaryfs_host_path "$(printf '%s' "$1" | sed 's/[\\\\:]/\\\\&/g')"; fi
}
"""

# Beside the launcher, in the runfiles of another program of which it is a part, or where a link to it leads.
_SEARCH = """_binaryfs_look "${RUNFILES_DIR:-/dev/null}"
_binaryfs_look "${TEST_SRCDIR:-/dev/null}"
_binaryfs_self=$0
while [ -z "$_binaryfs_library" ]; do
    case $_binaryfs_self in /*) ;; *) _binaryfs_self=$PWD/$_binaryfs_self ;; esac
    _binaryfs_look "$_binaryfs_self.runfiles"
    case $_binaryfs_self in *.runfiles/*) _binaryfs_look "${_binaryfs_self%.runfiles/*}.runfiles" ;; esac
    [ -z "$_binaryfs_library" ] && [ -L "$_binaryfs_self" ] || break
    _binaryfs_link=$(readlink "$_binaryfs_self")
    case $_binaryfs_link in /*) _binaryfs_self=$_binaryfs_link ;; *) _binaryfs_self=${_binaryfs_self%/*}/$_binaryfs_link ;; esac
done
if [ -z "$_binaryfs_library" ]; then
    echo "$0: the image is not in the runfiles: $_binaryfs_path" >&2
    exit 125
fi
unset RUNFILES_DIR RUNFILES_MANIFEST_FILE RUNFILES_MANIFEST_ONLY JAVA_RUNFILES PYTHON_RUNFILES
"""

# A test writes where Bazel says: those directories are the host's. A sealed image has no door for them.
_TEST_DIRECTORIES = """_binaryfs_directory "${TEST_TMPDIR:-}"
_binaryfs_directory "${TEST_UNDECLARED_OUTPUTS_DIR:-}"
_binaryfs_directory "${COVERAGE_DIR:-}"
for _binaryfs_file in "${XML_OUTPUT_FILE:-}" "${TEST_SHARD_STATUS_FILE:-}" "${TEST_WARNINGS_OUTPUT_FILE:-}" "${TEST_PREMATURE_EXIT_FILE:-}"; do
    case $_binaryfs_file in /*) _binaryfs_directory "${_binaryfs_file%/*}" ;; esac
done
"""
_SEALED_TEST_DIRECTORIES = "export TEST_TMPDIR=/tmp\n"

def _runfiles_path(ctx, file):
    path = file.short_path
    return path[3:] if path.startswith("../") else ctx.workspace_name + "/" + path

def _impl(ctx, is_test):
    if len(ctx.attr.command) == 0 or not ctx.attr.command[0]:
        fail("%s: command names a program in the image, and its arguments" % ctx.label)
    info = ctx.attr.image[BinaryFsInfo]
    script = _LAUNCHER + "_binaryfs_path=%s\n" % _quoted(_runfiles_path(ctx, info.library)) + _SEARCH
    if is_test:
        script += _SEALED_TEST_DIRECTORIES if info.sealed else _TEST_DIRECTORIES
    script += "".join([line + "\n" for line in _settings(ctx, info)])
    script += "exec \"$_binaryfs_library\" %s \"$@\"\n" % " ".join([_quoted(word) for word in ctx.attr.command])
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(launcher, script, is_executable = True)
    return [DefaultInfo(
        files = depset([launcher]),
        executable = launcher,
        runfiles = ctx.runfiles([info.library], collect_data = True),
    )]

def _run_impl(ctx):
    return _impl(ctx, False)

def _test_impl(ctx):
    return _impl(ctx, True)

_ATTRS = {
    "image": attr.label(doc = "The `binary_fs` target.", providers = [BinaryFsInfo], mandatory = True),
    "command": attr.string_list(
        doc = "The program, as the image names it, and its arguments. Arguments of the target (`args`, `bazel run TARGET -- ARGS`) follow.",
        mandatory = True,
    ),
    "data": attr.label_list(
        doc = "Files that are in the runfiles on the host. The program sees them only through host_paths.",
        allow_files = True,
    ),
    "env": attr.string_dict(doc = "Variables for the program."),
    "host_paths": attr.string_list(doc = "Absolute paths of the host that pass through besides those of the image; not for sealed images."),
    "volumes": attr.string_list(doc = "`GUEST=HOST`: directories that persist on the host; not for sealed images."),
    "overlay_size": attr.string(doc = "How much may be written in memory, such as `512M`; more fails with ENOSPC."),
    "hermetic": attr.bool(doc = "Whether nothing at all is taken from the host, not even the program and the libraries that it is linked with."),
}

binary_fs_run = rule(
    doc = "Runs a program in an image: `bazel run`. The exit status is the program's.",
    implementation = _run_impl,
    attrs = _ATTRS,
    executable = True,
)

binary_fs_test = rule(
    doc = "A test that runs a program in an image. TEST_TMPDIR, the directories of undeclared outputs and coverage, and those of files that a test may write for Bazel (XML_OUTPUT_FILE …) pass through; in a sealed image TEST_TMPDIR is /tmp.",
    implementation = _test_impl,
    attrs = _ATTRS,
    test = True,
)
