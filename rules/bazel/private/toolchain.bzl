"""The toolchain: what packs and links, as files that actions take along."""

BinaryFsToolchainInfo = provider(
    doc = "An installation of binaryfs, for actions.",
    fields = {
        "actions": "File: the program that carries out an action, or serves as a persistent worker.",
        "files": "depset of File: what that program needs besides itself.",
    },
)

def _binaryfs_toolchain_impl(ctx):
    return [platform_common.ToolchainInfo(
        binaryfs = BinaryFsToolchainInfo(
            actions = ctx.file.actions,
            files = depset(ctx.files.files),
        ),
    )]

binaryfs_toolchain = rule(
    doc = "An installation of binaryfs as a toolchain of `@binaryfs//rules/bazel:toolchain_type`. " +
          "`binaryfs_local` of repositories.bzl writes one for an installation on this machine.",
    implementation = _binaryfs_toolchain_impl,
    attrs = {
        "actions": attr.label(
            doc = "The program: runs `dist/bin/bazel.js` of the installation with the arguments that it gets.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
        "files": attr.label_list(
            doc = "What the program needs: Node, `dist`, and the packages that it loads.",
            allow_files = True,
            cfg = "exec",
        ),
    },
)

WorkerProtocolInfo = provider(
    doc = "How Bazel and a persistent worker talk.",
    fields = {"name": "string: `proto` or `json`."},
)

def _worker_protocol_impl(ctx):
    name = ctx.build_setting_value
    if name not in ["proto", "json"]:
        fail("worker_protocol is proto or json, not \"%s\"" % name)
    return [WorkerProtocolInfo(name = name)]

worker_protocol = rule(
    doc = "The worker protocol. Bazel before 5.1 takes `json` only with --experimental_worker_allow_json_protocol.",
    implementation = _worker_protocol_impl,
    build_setting = config.string(flag = True),
)
