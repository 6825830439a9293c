"""For Bazel 4 and 5 without a network, such as Debian's bazel-bootstrap.

Finding a toolchain, of whatever type, makes these versions read the packages of Bazel's own toolchains, and those load their rules from repositories
that are downloaded. Here they are local instead, and give the rules that Bazel itself has built in.

    load("@binaryfs//rules/bazel:offline.bzl", "offline_repositories")

    offline_repositories()
"""

_RULES = {
    "rules_cc": ("cc", [
        "cc_binary",
        "cc_import",
        "cc_library",
        "cc_proto_library",
        "cc_test",
        "cc_toolchain",
        "cc_toolchain_suite",
        "objc_library",
    ]),
    "rules_java": ("java", [
        "java_binary",
        "java_import",
        "java_library",
        "java_lite_proto_library",
        "java_package_configuration",
        "java_plugin",
        "java_proto_library",
        "java_runtime",
        "java_test",
        "java_toolchain",
    ]),
    "rules_proto": ("proto", ["proto_lang_toolchain", "proto_library"]),
}

def _built_in_rules_impl(repository_ctx):
    package, rules = _RULES[repository_ctx.attr.rules]
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file(package + "/BUILD.bazel", "exports_files([\"defs.bzl\"])\n")
    repository_ctx.file(package + "/defs.bzl", "".join(
        ["\"\"\"The rules that this version of Bazel has built in.\"\"\"\n\n"] +
        ["%s = native.%s\n" % (rule, rule) for rule in rules],
    ))

_built_in_rules = repository_rule(
    doc = "Stands for one of the repositories of rules that Bazel 4 and 5 load for themselves.",
    implementation = _built_in_rules_impl,
    attrs = {
        "rules": attr.string(doc = "The repository that it stands for.", values = _RULES.keys(), mandatory = True),
    },
)

_COVERAGE_TOOLS = ["coverage_report_generator", "lcov_merger"]

def _no_coverage_tools_impl(repository_ctx):
    repository_ctx.file("none.sh", "#!/bin/sh\necho 'coverage needs a network: its tools are downloaded' >&2\nexit 1\n", executable = True)
    repository_ctx.file("BUILD.bazel", "".join([
        "sh_binary(name = \"%s\", srcs = [\"none.sh\"], visibility = [\"//visibility:public\"])\n" % tool
        for tool in _COVERAGE_TOOLS
    ]))

_no_coverage_tools = repository_rule(
    doc = "Stands for the tools of `bazel coverage`, which every test names.",
    implementation = _no_coverage_tools_impl,
)

def offline_repositories():
    """Declares those of rules_cc, rules_java, rules_proto and remote_coverage_tools that the WORKSPACE file has not declared before."""
    for name in _RULES:
        if not native.existing_rule(name):
            _built_in_rules(name = name, rules = name)
    if not native.existing_rule("remote_coverage_tools"):
        _no_coverage_tools(name = "remote_coverage_tools")
