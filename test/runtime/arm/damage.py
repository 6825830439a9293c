"""Damages what the launcher reads of a library in every way, starts a program from the copy, and judges how that ended.

Usage: damage.py RUNNER LIB.so COPY.so PROGRAM [SEED]. LIB.so is of the native layout: its image begins at 2 MiB.
- each byte of ELF header, program headers, notes, the image's header and superblock, its section table and sections and the first inodes is flipped;
- each size, offset and count among them takes values that are wrong in a telling way;
- the file is cut at every boundary and at random places.
A run may end as ever (the damage did not matter; never so for a file cut short) or with status 125 to 127, one line that says why and one that says what to do. A signal, silence or any other status is
a failure.
"""
import os
import random
import re
import shutil
import struct
import subprocess
import sys

runner, source, copy, program = sys.argv[1:5]
seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 32)
shutil.copyfile(source, copy)
os.chmod(copy, 0o755)
data = open(source, "rb").read()
image = 2 << 20
environment = {"SCONE_EXTENSIONS_PATH": copy, "PATH": "/bin"}
message = re.compile(rb"binaryfs: [a-z-]+: [^\n]+\n  [^\n]+\n")
counts = {"refused": 0, "without effect": 0, "failures": 0}

phoff, phnum = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
headers = [struct.unpack_from("<IIQQQQQQ", data, phoff + i * 56) for i in range(phnum)]
notes = [(h[2], min(h[5], 112)) for h in headers if h[0] == 4]
table, sections = struct.unpack_from("<QI", data, image + 24)
entries = [struct.unpack_from("<IHHQQQ", data, image + table + i * 32) for i in range(sections)]


def judge(what, command, may_run):
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    if 125 <= done.returncode <= 127 and message.fullmatch(done.stderr):
        counts["refused"] += 1
    elif done.returncode == 0 and may_run:
        counts["without effect"] += 1
    else:
        counts["failures"] += 1
        print(f"{what}: status {done.returncode}, {done.stdout[:20]!r}, {done.stderr[:200]!r}")


def flips():
    yield 0, 64
    yield phoff, phnum * 56
    yield from notes
    yield image, 128
    yield image + 1024, 128
    yield image + table, sections * 32
    for entry in entries:
        yield image + entry[3], min(entry[4], 64)
    yield image + 1152, 128


def fields():
    """Offset and width of numbers whose wrong values matter."""
    yield from ((32, 8), (54, 2), (56, 2))
    for i in range(phnum):
        yield from ((phoff + i * 56 + at, 8) for at in (8, 16, 32, 40))
    for start, _ in notes:
        yield from ((start, 4), (start + 4, 4), (start + 24 + 8, 8), (start + 24 + 16, 8))
    yield from ((image + at, width) for at, width in ((8, 4), (12, 4), (16, 8), (24, 8), (32, 4), (36, 4), (40, 4), (44, 4), (48, 8)))
    yield from ((image + 1024 + at, width) for at, width in ((8, 4), (12, 1), (14, 2), (16, 8), (36, 4), (40, 4), (44, 4), (80, 4), (86, 2)))
    for i in range(sections):
        yield from ((image + table + i * 32 + at, width) for at, width in ((0, 4), (4, 2), (8, 8), (16, 8)))
    for entry in entries:
        yield from ((image + entry[3] + at, 4) for at in (0, 4))
    yield from ((image + 1152 + at, width) for at, width in ((0, 2), (2, 2), (8, 8), (16, 4)))


def patched(target, at, new):
    target.seek(at)
    target.write(new)
    judge(f"bytes {at:#x} = {new.hex()}", [runner, program], True)
    target.seek(at)
    target.write(data[at : at + len(new)])


with open(copy, "r+b", buffering=0) as target:
    for start, size in flips():
        for at in range(start, start + size):
            patched(target, at, bytes([data[at] ^ (0xFF if at % 2 else 0x01 << at % 8)]))
    for at, width in fields():
        now = int.from_bytes(data[at : at + width], "little")
        top = 1 << 8 * width
        for value in {0, 1, now - 1, now + 1, now + 8, now - 4096, now + 4096, now * 2, top // 2, top // 2 - 1, top - 1, top - 4096}:
            if value % top != now:
                patched(target, at, (value % top).to_bytes(width, "little"))

generator = random.Random(seed)
edges = {0, 64, phoff, phoff + phnum * 56, 4096, image, image + 128, image + 1024, image + 1152, image + 1216, image + 4096, image + table, image + table + 32 * sections, len(data)}
edges |= {start for start, _ in notes} | {start + 88 for start, _ in notes} | {h[2] + h[5] for h in headers} | {image + e[3] for e in entries}
cuts = {edge + by for edge in edges for by in (-4096, -1, 0, 1)} | {generator.randrange(len(data)) for _ in range(60)}
for cut in sorted(cut for cut in cuts if 0 <= cut < len(data)):
    shutil.copyfile(source, copy)
    os.truncate(copy, cut)
    judge(f"cut at {cut:#x}", [runner, program], False)
    if cut >= image:  # what is cut off is not the runtime itself: the library says so too when it is started
        judge(f"cut at {cut:#x}, started itself", [copy, program], False)
print(f"{sum(counts.values())} damaged libraries: {', '.join(f'{n} {what}' for what, n in counts.items())} (seed {seed})")
sys.exit(1 if counts["failures"] or counts["refused"] < 500 else 0)
