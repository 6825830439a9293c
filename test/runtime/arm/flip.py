"""Flips each byte that the launcher reads of a library, runs a program from the copy, and judges how that ended.

Usage: flip.py RUNNER LIB.so COPY.so PROGRAM. The bytes: ELF header, program headers, notes, the image's header and superblock, its section table and sections, the first inodes.
A run may end as ever (the byte did not matter) or with status 125 to 127 and a message; a signal or silence is a failure.
"""
import os
import shutil
import struct
import subprocess
import sys

runner, source, copy, program = sys.argv[1:]
shutil.copyfile(source, copy)
os.chmod(copy, 0o755)
data = open(source, "rb").read()


def ranges():
    phoff, phnum = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    yield 0, 64
    yield phoff, phnum * 56
    image = 2 << 20
    for i in range(phnum):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", data, phoff + i * 56)
        if kind == 4:
            yield offset, min(size, 112)
    yield image, 128
    yield image + 1024, 128
    table, count = struct.unpack_from("<QI", data, image + 24)
    yield image + table, count * 32
    for i in range(count):
        offset, size = struct.unpack_from("<QQ", data, image + table + i * 32 + 8)
        yield image + offset, min(size, 64)
    yield image + 1152, 128


environment = {"SCONE_EXTENSIONS_PATH": copy, "PATH": "/bin"}
runs = refused = failures = 0
with open(copy, "r+b", buffering=0) as target:
    for start, size in ranges():
        for at in range(start, start + size):
            flip = 0xFF if at % 2 else 0x01 << at % 8
            target.seek(at)
            target.write(bytes([data[at] ^ flip]))
            done = subprocess.run([runner, program], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            runs += 1
            told = b"binaryfs: " in done.stderr
            if 125 <= done.returncode <= 127 and told:
                refused += 1
            elif done.returncode != 0:
                failures += 1
                print(f"byte {at:#x} ^ {flip:#x}: status {done.returncode}, {done.stderr[:200]!r}")
            target.seek(at)
            target.write(data[at : at + 1])
print(f"{runs} flipped bytes: {refused} refused, {runs - refused - failures} without effect, {failures} failures")
sys.exit(1 if failures or refused < 100 else 0)
