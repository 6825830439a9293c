"""`binary_fs`: actions that pack shards, and one that links them."""

load(":places.bzl", "guest_path", "runfiles_places", "stripped", "workspace_path")
load(":providers.bzl", "BinaryFsInfo")
load(":shards.bzl", "shard_count", "sharded")
load(":toolchain.bzl", "WorkerProtocolInfo")

# As a string of the whole label: Bazel 4 takes no Label here, and would look for a relative one in the main repository.
_TOOLCHAIN = str(Label("//rules/bazel:toolchain_type"))

def _child(file):
    return "c" + file.path

def _is_link(file):
    # Known from Bazel 7 on; earlier versions give no such files to other actions.
    return getattr(file, "is_symlink", False)

def _mode(text, what):
    digits = text[2:] if text.startswith("0o") else text
    for digit in digits.elems():
        if digit not in "01234567":
            fail("%s: no mode in octal digits: \"%s\"" % (what, text))
    if len(digits) < 3 or len(digits) > 5 or int(digits, 8) > 0o7777:
        fail("%s: no mode in octal digits: \"%s\"" % (what, text))
    return int(digits, 8)

def _places_of_sources(ctx):
    """(guest path, File or None, part of strip_prefix inside a directory) of everything that srcs and files name."""
    places = []

    # Paths in a workspace are normalized already: to a hundred thousand files it makes a difference.
    base = guest_path(ctx.attr.prefix).rstrip("/")
    strip_prefix = ctx.attr.strip_prefix.strip("/")
    for target in ctx.attr.srcs:
        info = target[DefaultInfo]
        for file in info.files.to_list():
            rest, inner = stripped(workspace_path(file), strip_prefix, target.label, file.is_directory)
            places.append((base + "/" + rest if rest else base or "/", file, inner))
        program = info.files_to_run.executable
        if ctx.attr.runfiles and program != None and not program.is_source:
            rest, _ = stripped(workspace_path(program), strip_prefix, target.label)
            guest = base + "/" + rest
            places.append((guest, program, ""))
            places.extend([(path, file, "") for path, file in runfiles_places(target, guest, ctx.workspace_name)])
    for target, path in ctx.attr.files.items():
        files = target[DefaultInfo].files.to_list()
        if not path.startswith("/"):
            fail("%s: a path in the image begins with a slash: files of %s, \"%s\"" % (ctx.label, target.label, path))
        if path.endswith("/"):
            places.extend([(guest_path(path, file.basename), file, "") for file in files])
        elif len(files) == 1:
            places.append((guest_path(path), files[0], ""))
        else:
            fail("%s: %s is %d files; end its path with a slash to put them into a directory" % (ctx.label, target.label, len(files)))
    return places

def _without_repetition(ctx, places):
    """Directories may share a place: what is in them is not known yet."""
    seen = {}
    for guest, file, inner in places:
        key = (guest, file) if file != None and file.is_directory else guest
        known = seen.get(key)
        if known == None:
            seen[key] = (guest, file, inner)
        elif known[1] != file:
            fail("%s: two files for %s: %s and %s" % (ctx.label, guest, _name(known[1]), _name(file)))
    return seen.values()

def _name(file):
    return "an empty file" if file == None else file.short_path

def _run(ctx, **kwargs):
    toolchain = ctx.toolchains[_TOOLCHAIN].binaryfs
    protocol = ctx.attr._worker_protocol[WorkerProtocolInfo].name
    startup = ctx.actions.args()
    if protocol != "proto":
        startup.add(protocol, format = "--worker_protocol=%s")
    arguments = kwargs.pop("arguments")
    ctx.actions.run(
        executable = toolchain.actions,
        tools = toolchain.files,
        arguments = [startup] + arguments,
        execution_requirements = {
            "requires-worker-protocol": protocol,
            "supports-multiplex-sandboxing": "1",
            "supports-multiplex-workers": "1",
            "supports-worker-cancellation": "1",
            "supports-workers": "1",
            "worker-key-mnemonic": "BinaryFs",
        },
        **kwargs
    )

def _arguments(ctx, action):
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s", use_always = True)

    # Quoted, so that a name may hold any byte.
    args.set_param_file_format("shell")
    args.add(action)

    # Versions of Bazel differ in how they write bytes beyond ASCII: from these two the reader sees it.
    args.add("--encoding=é")
    return args

def _pack(ctx, index, places, spec):
    shard = ctx.actions.declare_file("_binary_fs/%s/%d.shard" % (ctx.label.name, index))
    args = _arguments(ctx, "shard")
    args.add(shard, format = "--output=%s")
    args.add(spec, format = "--spec=%s")
    inputs = []
    for guest, file, inner in places:
        if file == None:
            args.add("e" + guest)
            continue
        inputs.append(file)
        if file.is_directory:
            args.add("t" + guest)
            args.add_all([file], expand_directories = False, format_each = "d%s")
            if inner != "":
                args.add("s" + inner)
            args.add_all([file], map_each = _child)
        else:
            args.add(("l" if _is_link(file) else "f") + guest)
            args.add(file, format = "h%s")
    _run(
        ctx,
        outputs = [shard],
        inputs = inputs,
        arguments = [args],
        mnemonic = "BinaryFsShard",
        progress_message = "Packing shard %d of %s" % (index, ctx.label),
    )
    return shard

def _volume(text):
    guest, separator, host = text.partition("=")
    return [guest, host if separator != "" else None]

def _binary_fs_impl(ctx):
    places = _without_repetition(ctx, _places_of_sources(ctx))
    count = ctx.attr.shards or shard_count(len(places))
    if count < 1 or count > 1000:
        fail("%s: shards is a number from 0 (choose) to 1000" % ctx.label)
    members = sharded(places, count)

    rules = [["include", pattern] for pattern in ctx.attr.include] + [["exclude", pattern] for pattern in ctx.attr.exclude]
    selection = {"rules": rules, "symlinks": ctx.attr.symlinks}

    # A shard depends on links only through patterns that lead through them.
    shard_spec = json.encode(selection if len(rules) > 0 else {})
    shards = [
        _pack(ctx, index, members[index], shard_spec)
        for index in range(count)
        if len(members[index]) > 0
    ]

    base = ctx.label.name[:-3] if ctx.label.name.endswith(".so") else ctx.label.name
    library = ctx.actions.declare_file(base + ".so")
    contents = ctx.actions.declare_file(base + ".contents.jsonl")
    digest = ctx.actions.declare_file(base + ".digest")
    if ctx.attr.mtime < 0:
        fail("%s: mtime is in seconds since 1970, and not negative" % ctx.label)
    spec = dict(
        selection,
        directories = {
            path: _mode(mode or ctx.attr.directory_mode, "%s: directories of %s" % (ctx.label, path))
            for path, mode in ctx.attr.directories.items()
        },
        fileMode = _mode(ctx.attr.mode, "%s: mode" % ctx.label),
        directoryMode = _mode(ctx.attr.directory_mode, "%s: directory_mode" % ctx.label),
        modes = [
            [pattern, _mode(mode, "%s: modes of %s" % (ctx.label, pattern))]
            for pattern, mode in ctx.attr.modes.items()
        ],
        hostPaths = ctx.attr.host_paths,
        volumes = [_volume(volume) for volume in ctx.attr.volumes],
        sealed = ctx.attr.sealed,
        strict = ctx.attr.strict,
        allowSecrets = ctx.attr.allow_secrets,
        mtime = ctx.attr.mtime,
        layout = ctx.attr.layout,
    )
    args = _arguments(ctx, "link")
    args.add(library, format = "--output=%s")
    args.add(contents, format = "--contents=%s")
    args.add(digest, format = "--digest=%s")
    args.add(json.encode(spec), format = "--spec=%s")
    args.add_all(shards, format_each = "s%s")
    _run(
        ctx,
        outputs = [library, contents, digest],
        inputs = shards,
        arguments = [args],
        mnemonic = "BinaryFsLink",
        progress_message = "Linking %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset([library]), runfiles = ctx.runfiles([library])),
        OutputGroupInfo(contents = depset([contents]), digest = depset([digest]), shards = depset(shards)),
        BinaryFsInfo(library = library, contents = contents, digest = digest, sealed = ctx.attr.sealed),
    ]

binary_fs = rule(
    doc = """Packs files into `NAME.so`, a library that carries a file system.

Several actions (`BinaryFsShard`) pack the files, each those whose paths fall to it, and a last one (`BinaryFsLink`) links what they made: after a change
one shard and the link run again. The bytes follow from paths, contents and attributes alone; they are those of
`binaryfs build TREE --mtime MTIME --owner root` for a directory TREE with these files, modes and links.

Beside the library lie `NAME.contents.jsonl` (what it holds, as `binaryfs ls --json` prints it) and `NAME.digest` (the library digest).""",
    implementation = _binary_fs_impl,
    attrs = {
        "srcs": attr.label_list(
            doc = "Files, filegroups, directories (tree artifacts). They go to PREFIX/PATH, where PATH is their path in the workspace without " +
                  "strip_prefix. Of an executable target (py_binary, java_binary, sh_binary …) the runfiles go along, to PROGRAM.runfiles.",
            allow_files = True,
        ),
        "files": attr.label_keyed_string_dict(
            doc = "Targets and the places in the image that they go to: the path of a file or directory or, with a slash at its end, the directory for several.",
            allow_files = True,
        ),
        "strip_prefix": attr.string(
            doc = "A directory, as seen from the workspace's root, that is taken off the front of the paths of srcs; a source outside of it is an error.",
        ),
        "prefix": attr.string(doc = "The directory of the image in which srcs go.", default = "/"),
        "runfiles": attr.bool(doc = "Whether the runfiles of executable srcs go along.", default = True),
        "symlinks": attr.string_dict(doc = "Symbolic links: path in the image → what it leads to."),
        "directories": attr.string_dict(doc = "Directories that are there even when nothing is in them: path in the image → mode in octal digits, or empty for directory_mode."),
        "include": attr.string_list(
            doc = "Globs over paths in the image, in which `*` crosses `/`: what goes into the image. Without any, everything does.",
        ),
        "exclude": attr.string_list(doc = "Globs over paths in the image: what stays out. They come after those of include, and the last match wins."),
        "strict": attr.bool(doc = "Whether a glob without a match is an error rather than a warning."),
        "allow_secrets": attr.string_list(doc = "Globs: files that may be packed although their names are those of secrets (`.env`, `id_rsa`, `.git` …)."),
        "host_paths": attr.string_list(doc = "Paths of the host that pass through, unprotected."),
        "volumes": attr.string_list(doc = "Directories that persist on the host: `GUEST` or `GUEST=HOST`."),
        "sealed": attr.bool(doc = "Whether starting a program may add no host path and no volume."),
        "layout": attr.string(
            doc = "`stable`, in which edits stay local, or `compact`, which is dense.",
            values = ["stable", "compact"],
            default = "stable",
        ),
        "mtime": attr.int(
            doc = "Modification time of everything, in seconds since 1970: Bazel keeps none. The default is 2000-01-01 UTC, which every archive format can hold.",
            default = 946684800,
        ),
        "mode": attr.string(
            doc = "Mode of files in octal digits. Bazel does not keep modes: its own outputs are all executable, and so are inputs of remote actions.",
            default = "0755",
        ),
        "modes": attr.string_dict(doc = "Globs over paths in the image → modes of files that match; a directory stands for all beneath it, and the last match wins."),
        "directory_mode": attr.string(doc = "Mode of directories in octal digits.", default = "0755"),
        "shards": attr.int(doc = "Number of shards, 1 to 1000; 0 chooses one by the number of files. The bytes of the library do not depend on it."),
        "_worker_protocol": attr.label(default = "//rules/bazel:worker_protocol"),
    },
    toolchains = [_TOOLCHAIN],
    provides = [BinaryFsInfo],
)
