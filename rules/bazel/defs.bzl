"""Rules that pack files into one shared library which carries a whole file system, and run programs in it.

    load("@binaryfs//rules/bazel:defs.bzl", "binary_fs", "binary_fs_run", "binary_fs_test")
"""

load("//rules/bazel/private:binary_fs.bzl", _binary_fs = "binary_fs")
load("//rules/bazel/private:providers.bzl", _BinaryFsInfo = "BinaryFsInfo")
load("//rules/bazel/private:run.bzl", _binary_fs_run = "binary_fs_run", _binary_fs_test = "binary_fs_test")
load("//rules/bazel/private:toolchain.bzl", _binaryfs_toolchain = "binaryfs_toolchain")

BinaryFsInfo = _BinaryFsInfo
binary_fs = _binary_fs
binary_fs_run = _binary_fs_run
binary_fs_test = _binary_fs_test
binaryfs_toolchain = _binaryfs_toolchain
