"""Holds a host log against what strace saw. Usage: compare.py TRACE LOG LIBRARY…

TRACE is of `strace -f -i -y`. Of the calls made in the gate (its page is 0x60000) the successful opens count: what they opened, by the kernel's own account, is what came from the host.
"""
import os
import re
import sys

trace, log, *own = sys.argv[1:]
own = {os.path.realpath(path) for path in own + [log]}
call = re.compile(r'^\d+ +\[0000000000060[0-9a-f]{3}\] (?:<\.\.\. )?(\w+)(.*)= (\d+)<(.*)>$')
opened, traced = set(), ""
with open(trace, errors="surrogateescape") as lines:
    for line in lines:
        traced += line
        match = call.match(line.rstrip("\n"))
        if match is None or match[1] not in ("open", "openat", "openat2"):
            continue
        if re.search(r"O_PATH|O_DIRECTORY|O_TMPFILE", match[2]):
            continue  # a place or a listing, not a file's bytes
        path = re.sub(r"^/proc/\d+/net/", "/proc/net/", match[4])
        path = re.sub(r"<char .*|<socket:.*|\(deleted\)$", "", path)
        if path.startswith("/") and path not in own and not path.startswith("/memfd:") and not re.match(r"/proc/(\d+|self|thread-self)/", path):
            opened.add(path)
with open(log, errors="surrogateescape") as lines:
    logged = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.rstrip("\n")) for line in lines]
problems = [f"opened and not logged: {path}" for path in sorted(opened - {os.path.realpath(p) for p in logged} - set(logged))]
problems += [f"logged twice: {path}" for path in sorted(set(logged)) if logged.count(path) > 1]
problems += [f"logged and nowhere in the trace: {path}" for path in logged if os.path.basename(path) not in traced]
problems += [] if len(opened) > 8 else [f"the trace has only {len(opened)} files"]
print("\n".join(problems) or f"{len(opened)} files opened, {len(logged)} lines")
sys.exit(bool(problems))
