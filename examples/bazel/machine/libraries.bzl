"""The shared libraries behind programs of this machine."""

def link_at_same_place(repository_ctx, path):
    """Links a path of this machine to the same path beneath `root/` of the repository.

    Args:
      repository_ctx: of the repository rule.
      path: string: absolute path.
    """
    repository_ctx.symlink(path, "root" + path)

def link_shared_libraries(repository_ctx, programs, except_beneath = None):
    """Links what `ldd` names, each at its own place, and what glibc opens by itself.

    Args:
      repository_ctx: of the repository rule.
      programs: list of strings: absolute paths of programs and libraries.
      except_beneath: string: absolute directory whose libraries go along in another way.
    """
    result = repository_ctx.execute(["ldd"] + programs, environment = {"LC_ALL": "C"})
    found = {}
    for line in result.stdout.split("\n"):
        # A line is NAME => PATH (ADDRESS), or PATH (ADDRESS) for the loader.
        words = line.strip().split(" ")
        path = words[2] if len(words) > 2 and words[1] == "=>" else words[0]
        if not line.startswith("\t") or not path.startswith("/"):
            continue
        found[path] = True
        if path.rpartition("/")[2].startswith("libc.so."):
            # For threads that are cancelled or unwound.
            found[path.rpartition("/")[0] + "/libgcc_s.so.1"] = True
    for path in sorted(found):
        if except_beneath != None and path.startswith(except_beneath + "/"):
            continue
        if repository_ctx.path(path).exists:
            link_at_same_place(repository_ctx, path)
