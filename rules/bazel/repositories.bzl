"""For WORKSPACE files: an installation of binaryfs on this machine as a toolchain.

    load("@binaryfs//rules/bazel:repositories.bzl", "binaryfs_local")

    binaryfs_local()
"""

load("//rules/bazel/private:local_installation.bzl", "binaryfs_local_repository")

def binaryfs_local(name = "binaryfs_local", path = "", node = "", register = True, **kwargs):
    """Finds an installation and registers it as a toolchain.

    Args:
      name: string: of the repository.
      path: string: directory of the installation, where it is not to be searched for (see `binaryfs_local_repository`).
      node: string: Node, where it is not the one on PATH.
      register: bool: whether the toolchain is registered.
      **kwargs: further attributes of `binaryfs_local_repository`.
    """
    binaryfs_local_repository(name = name, path = path, node = node, **kwargs)
    if register:
        native.register_toolchains("@%s//:toolchain" % name)
