"""What MODULE.bazel calls: the repositories of this machine's Python and Java."""

load(":java.bzl", "machine_java")
load(":python.bzl", "machine_python")

def _machine_impl(_module_ctx):
    machine_python(name = "machine_python")
    machine_java(name = "machine_java")

machine = module_extension(
    doc = "Makes the repositories `machine_python` and `machine_java`.",
    implementation = _machine_impl,
)
