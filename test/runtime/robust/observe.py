"""Starts a program that repeats itself in phases (leaks.c) and measures it from outside after a short and after a long run of each phase.

Usage: observe.py NAME COMMAND…. Descriptors, resident memory, the memory of the overlay's pool, free blocks and files as the program sees them: none of them may grow. Prints "N passed, N failed".
"""
import os
import subprocess
import sys

name, command = sys.argv[1], sys.argv[2:]
# Phase, rounds that are enough for everything that is made once, rounds that are measured. (The numbers of pages go round: the memory that describes them is touched once.)
phases = [("opens", 10000, 1000000), ("creates", 3000, 100000), ("maps", 1000, 100000), ("others", 1500, 4000), ("execs", 100, 10000)]
slack = {"descriptors": 0, "resident KiB": 512, "pool KiB": 256, "used blocks": 8, "used files": 0, "next descriptor": 0}
# What an exec closes is noticed when the table of open file descriptions has 65,536 entries (64 bytes each, 4 MiB at most).
described = {"execs": 10000 * 64 // 1024}
passed = failed = 0

process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def measure(answer):
    root = f"/proc/{process.pid}"
    descriptors = os.listdir(f"{root}/fd")
    pool = 0
    for fd in descriptors:
        if os.readlink(f"{root}/fd/{fd}").startswith("/memfd:binaryfs-overlay"):
            pool = os.stat(f"{root}/fd/{fd}").st_blocks // 2
    with open(f"{root}/status") as f:
        resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    blocks, files, fd = (int(word) for word in answer.split()[1:])
    return dict(zip(slack, (len(descriptors), resident, pool, -blocks, -files, fd)))


def run(phase, count):
    process.stdin.write(f"{phase} {count}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer.startswith("done"):
        print(f"{name}: {phase} {count}: {answer.strip() or 'the program ended'}")
        print(f"{passed} passed, {failed + 1} failed")
        process.kill()
        sys.exit(1)
    return measure(answer)


for phase, first, count in phases:
    before = run(phase, first)
    after = run(phase, count)
    for what, room in slack.items():
        if after["pool KiB"] == 0 and what.startswith("used"):  # natively others write to the same file system
            continue
        grown = after[what] - before[what]
        if grown > room + (described.get(phase, 0) if what == "pool KiB" else 0):
            failed += 1
            print(f"{name}: {count} {phase}: {what} grew by {grown} from {before[what]}")
        else:
            passed += 1
process.stdin.close()
if process.wait() != 0:
    failed += 1
    print(f"{name}: the program ended with {process.returncode}")
print(f"{passed} passed, {failed} failed")
