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
        lines.append("export %s=%s" % (name, _quoted(value)))
    for volume in attr.volumes:
        if volume.partition("=")[2] == "":
            fail("%s: a volume is GUEST=HOST here, not \"%s\"" % (ctx.label, volume))
    if info.sealed and (len(attr.host_paths) > 0 or len(attr.volumes) > 0):
        fail("%s: the image is sealed: it takes no further host path and no volume" % ctx.label)
    if len(attr.host_paths) > 0:
        lines.append("BINARYFS_HOST_PATHS=$(join \"${BINARYFS_HOST_PATHS:-}\" %s)" % _quoted(_with_colons(attr.host_paths)))
        lines.append("export BINARYFS_HOST_PATHS")
    if len(attr.volumes) > 0:
        lines.append("BINARYFS_VOLUMES=$(join \"${BINARYFS_VOLUMES:-}\" %s)" % _quoted(_with_colons(attr.volumes)))
        lines.append("export BINARYFS_VOLUMES")
    if attr.overlay_size != "":
        lines.append("export BINARYFS_OVERLAY_SIZE=%s" % _quoted(attr.overlay_size))
    if attr.hermetic:
        lines.append("export BINARYFS_HERMETIC=1")
    return lines

# A test writes where Bazel says: those directories are the host's. A sealed image has no door for them.
_TEST_DIRECTORIES = """for directory in "${TEST_TMPDIR:-}" "${TEST_UNDECLARED_OUTPUTS_DIR:-}" "${COVERAGE_DIR:-}"; do
    if [ -n "$directory" ]; then
        BINARYFS_HOST_PATHS=$(join "${BINARYFS_HOST_PATHS:-}" "$directory")
        export BINARYFS_HOST_PATHS
    fi
done"""
_SEALED_TEST_DIRECTORIES = "export TEST_TMPDIR=/tmp"

def _runfiles_path(ctx, file):
    path = file.short_path
    return path[3:] if path.startswith("../") else ctx.workspace_name + "/" + path

def _impl(ctx, is_test):
    if len(ctx.attr.command) == 0 or not ctx.attr.command[0]:
        fail("%s: command names a program in the image, and its arguments" % ctx.label)
    info = ctx.attr.image[BinaryFsInfo]
    settings = _settings(ctx, info)
    if is_test:
        settings.append(_SEALED_TEST_DIRECTORIES if info.sealed else _TEST_DIRECTORIES)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%{command}": " ".join([_quoted(word) for word in ctx.attr.command]),
            "%{library}": _runfiles_path(ctx, info.library),
            "%{settings}": "\n".join(settings),
        },
    )
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
    "_launcher": attr.label(default = "//rules/bazel/private:launcher.sh.tpl", allow_single_file = True),
}

binary_fs_run = rule(
    doc = "Runs a program in an image: `bazel run`. The exit status is the program's.",
    implementation = _run_impl,
    attrs = _ATTRS,
    executable = True,
)

binary_fs_test = rule(
    doc = "A test that runs a program in an image. TEST_TMPDIR and the other directories that Bazel gives tests pass through; in a sealed image TEST_TMPDIR is /tmp.",
    implementation = _test_impl,
    attrs = _ATTRS,
    test = True,
)
