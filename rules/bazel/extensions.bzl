"""For MODULE.bazel files: an installation of binaryfs on this machine as the repository `binaryfs_local`.

MODULE.bazel of binaryfs uses it and registers the toolchain; a root module uses it only to say where the installation is.
"""

load("//rules/bazel/private:local_installation.bzl", "binaryfs_local_repository")

_local = tag_class(
    doc = "Where the installation is. The root module's counts.",
    attrs = {
        "path": attr.string(doc = "Directory of the installation, absolute."),
        "node": attr.string(doc = "Node, as an absolute path."),
    },
)

def _binaryfs_impl(module_ctx):
    path = ""
    node = ""
    for module in module_ctx.modules:
        for tag in module.tags.local:
            if module.is_root:
                path = tag.path
                node = tag.node
    binaryfs_local_repository(name = "binaryfs_local", path = path, node = node)

binaryfs = module_extension(
    doc = "Makes the repository `binaryfs_local`.",
    implementation = _binaryfs_impl,
    tag_classes = {"local": _local},
)
