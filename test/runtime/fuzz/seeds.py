#!/usr/bin/env python3
"""Makes the seeds that fuzzing starts from: small images in every encoding that the runtime reads, libraries, programs.

Usage: seeds.py OUTPUT [LIB.so…]: OUTPUT/{image,library,elf}/NAME. Needs mkfs.erofs; images of the given libraries (native layout) are taken too.
"""
import os
import struct
import subprocess
import sys
import tempfile

output, libraries = sys.argv[1], sys.argv[2:]
for name in ("image", "library", "elf"):
    os.makedirs(os.path.join(output, name), exist_ok=True)


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def tree(top, kind):
    """A little of everything: inline and plain files, links, a directory of several blocks, whiteouts, attributes."""
    put(f"{top}/etc/file", b"text\n")
    os.link(f"{top}/etc/file", f"{top}/etc/hard")
    os.symlink("file", f"{top}/etc/link")
    os.symlink("/etc/loop", f"{top}/etc/loop")
    put(f"{top}/dir/sub/deep/leaf", b"x" * 100)
    put(f"{top}/big", bytes(i & 255 for i in range(5000)))
    if kind == "many":
        for i in range(220):
            put(f"{top}/many/a-longer-name-{i:03}", b"")
    if kind == "second":
        os.remove(f"{top}/dir/sub/deep/leaf")
        put(f"{top}/dir/sub/other", b"other")
        os.remove(f"{top}/big")
        try:
            os.mknod(f"{top}/big", 0o020000, 0)
            os.setxattr(f"{top}/dir/sub", "trusted.overlay.opaque", b"y")
        except OSError:
            pass
    for path, name, value in (("etc/file", "color", b"blue"), ("dir", "color", b"blue"), ("big", "color", b"blue"), ("etc/file", "more", b"v" * 40)):
        try:
            os.setxattr(f"{top}/{path}", f"user.{name}", value)
        except OSError:
            pass


def sections():
    def text(s):
        return struct.pack("<I", len(s)) + s

    hosts = struct.pack("<I", 2) + text(b"/etc/hostname") + text(b"/usr/share")
    volumes = struct.pack("<I", 2) + text(b"/data") + text(b"/tmp") + text(b"/more") + struct.pack("<I", 0xFFFFFFFF)
    return ((1, 1, hosts), (2, 1, volumes), (3, 1, struct.pack("<I", 1)), (5, 0, b"ignored"))


def finish(image, with_sections):
    """Adds header and sections and computes the superblock's checksum."""
    image = bytearray(image + bytes(-len(image) % 4096))
    table = count = 0
    if with_sections:
        table = len(image)
        entries, body = b"", b""
        items = sections()
        for kind, flags, data in items:
            entries += struct.pack("<IHHQQQ", kind, 1, flags, table + len(items) * 32 + len(body), len(data), 0)
            body += data + bytes(-len(data) % 8)
        count = len(items)
        image += entries + body
        image += bytes(-len(image) % 4096)
    image[:64] = struct.pack("<8sIIQQIIIIQQ", b"BINARYFS", 1, 128, len(image), table, count, 32, 1048576, 1, struct.unpack_from("<Q", image, 1040)[0], 0)
    struct.pack_into("<I", image, 1024 + 8, struct.unpack_from("<I", image, 1024 + 8)[0] | 1)
    struct.pack_into("<I", image, 1024 + 36, len(image) // 4096)
    struct.pack_into("<I", image, 1024 + 4, 0)
    struct.pack_into("<I", image, 1024 + 4, crc32c(image[1024:4096]))
    return bytes(image)


def library(image):
    """The smallest ELF file that carries IMAGE: two segments, the image at byte 4096."""
    ehdr = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    phdr = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 4096, 4096, 4096)
    phdr += struct.pack("<IIQQQQQQ", 1, 4, 4096, 4096, 4096, len(image), len(image), 4096)
    phdr += struct.pack("<IIQQQQQQ", 4, 4, 512, 512, 512, 88, 88, 8)
    root = image[1072:1088] + bytes(16)
    desc = struct.pack("<IIqQ32sQ", 1, 1, 4096 - (512 + 24), len(image), root, 0)
    note = struct.pack("<III", 76, 0, 1) + b"binaryfs\0\0\0\0" + desc
    head = bytearray(4096)
    head[: len(ehdr + phdr)] = ehdr + phdr
    head[512 : 512 + len(note)] = note
    return bytes(head) + image


def program(kind, *segments):
    ehdr = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1, 0x1000, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    body = ehdr + b"".join(struct.pack("<IIQQQQQQ", *s) for s in segments)
    return body + bytes(512 - len(body)) + b"/lib/loader.so\0\0" + bytes(7664)


made = {}
with tempfile.TemporaryDirectory() as scratch:
    options = {"inline": [], "chunked": ["--chunksize=4096"], "compact": ["-E", "force-inode-compact"], "many": [], "second": [], "shared": ["-x", "1"]}
    for name, extra in options.items():
        top = os.path.join(scratch, name)
        tree(top, name)
        if not any("compact" in e for e in extra):
            extra = ["-E", "force-inode-extended", *extra]
        file = os.path.join(scratch, name + ".img")
        subprocess.run(["mkfs.erofs", "--all-root", *extra, file, top], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made[name] = finish(open(file, "rb").read(), name in ("inline", "chunked"))
for path in libraries:
    data = open(path, "rb").read()
    made[os.path.basename(path).removesuffix(".so")] = data[2 << 20 :]

script = bytes(v for op in range(20) for v in (op, 3 * op % 7, 5 * op % 11, 3 + 29 * op % 200))
for name, image in made.items():
    put(f"{output}/image/{name}", image)
    put(f"{output}/image/{name}-script", image + script)
    put(f"{output}/library/{name}", library(image))
put(f"{output}/image/merged", made["inline"] + made["second"] + script)
put(f"{output}/image/three", made["chunked"] + made["second"] + made["compact"] + script[::-1])
load = (1, 5, 0, 0, 0, 4096, 4096, 4096)
data = (1, 6, 4096, 0x2000, 0x2000, 300, 9000, 4096)
interp = (3, 4, 512, 512, 512, 15, 15, 1)
stack = (0x6474E551, 6, 0, 0, 0, 0, 0, 16)
put(f"{output}/elf/dynamic", program(3, (6, 4, 64, 64, 64, 280, 280, 8), interp, load, data, stack))
put(f"{output}/elf/static", program(2, (1, 5, 0, 0x10000000, 0x10000000, 4096, 4096, 4096), (1, 6, 4096, 0x10002000, 0, 4096, 4096, 4096)))
put(f"{output}/elf/aligned", program(3, (1, 5, 0, 0, 0, 4096, 4096, 1 << 21), (1, 6, 4096, 0x201000, 0, 10, 0x300000, 1 << 21)))
put(f"{output}/elf/beyond", program(3, load, (1, 6, 4096, 0x2000, 0x2000, 0x9000, 0x9800, 4096)))
