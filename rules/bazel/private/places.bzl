"""Where in the image a file goes: from labels' paths to guest paths."""

def guest_path(*parts):
    """Joins parts to an absolute guest path.

    Args:
      *parts: strings; slashes at their ends do not count, and empty ones neither.

    Returns:
      string: an absolute path, or a failure where `..` is a part of it.
    """
    components = []
    for part in parts:
        for component in part.split("/"):
            if component == "..":
                fail("a path in the image has `..` in it: %s" % "/".join(parts))
            if component not in ["", "."]:
                components.append(component)
    return "/" + "/".join(components)

def workspace_path(file):
    """The path of a file as its repository names it; files of other repositories lie in `external/REPOSITORY`.

    Args:
      file: File.

    Returns:
      string: relative path.
    """
    path = file.short_path
    return "external/" + path[3:] if path.startswith("../") else path

def stripped(path, strip_prefix, label, is_directory = False):
    """Takes a prefix off the front of a path.

    Args:
      path: string: relative path.
      strip_prefix: string: relative path of a directory, without slashes at its ends.
      label: Label of the target, for the message.
      is_directory: bool: whether the prefix may end inside of it.

    Returns:
      (string, string): the rest, and what of the prefix lies inside the directory.
    """
    if strip_prefix == "":
        return path, ""
    if is_directory and path == strip_prefix:
        return "", ""
    if path.startswith(strip_prefix + "/"):
        return path[len(strip_prefix) + 1:], ""
    if is_directory and strip_prefix.startswith(path + "/"):
        return "", strip_prefix[len(path) + 1:]
    fail("%s: %s does not begin with strip_prefix \"%s\"" % (label, path, strip_prefix))

def runfiles_places(target, program, workspace_name):
    """The runfiles tree of an executable target, as Bazel lays it out beside the program.

    Args:
      target: Target that is executable.
      program: string: guest path of the program.
      workspace_name: string: of the main repository (`ctx.workspace_name`).

    Returns:
      list of (string, File or None): guest paths and what goes there; None is an empty file.
    """
    root = program + ".runfiles"
    runfiles = target[DefaultInfo].default_runfiles
    places = []
    if runfiles != None:
        for file in runfiles.files.to_list():
            path = file.short_path
            places.append((
                root + "/" + (path[3:] if path.startswith("../") else workspace_name + "/" + path),
                file,
            ))
        for link in runfiles.symlinks.to_list():
            places.append((root + "/" + workspace_name + "/" + link.path, link.target_file))
        for link in runfiles.root_symlinks.to_list():
            places.append((root + "/" + link.path, link.target_file))
        for path in runfiles.empty_filenames.to_list():
            inner = path[3:] if path.startswith("../") else workspace_name + "/" + path
            places.append((root + "/" + inner, None))
    mapping = getattr(target[DefaultInfo].files_to_run, "repo_mapping_manifest", None)
    if mapping != None:
        places.append((root + "/_repo_mapping", mapping))
    return places
