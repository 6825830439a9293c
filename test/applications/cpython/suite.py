"""Runs CPython's test modules natively and from an image, side by side, and compares the two result by result.

Usage: suite.py NATIVE IMAGE RESULTS DIFFERENCES OWN MODULE...

NATIVE and IMAGE are commands that run the one that follows as the same user, outside and inside; RESULTS is a directory that both write to, by that name; OWN is a directory of modules of our own.
A test that ended badly or differently runs again alone, natively and then in the image, before it is judged. The last line is "N passed, N failed[, N skipped]": modules and documented differences.
"""
import collections
import ctypes
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree

PYTHON = "/usr/bin/python3.11"
# What needs a network, a screen or a sound card is left out on both sides.
RESOURCES = "all,-network,-urlfetch,-gui,-audio"
# Sockets of virtual machines are the hypervisor's affair: natively, some wait for ever for what no peer sends.
IGNORED = "*VSOCK*"
LIMIT = 15
ROUNDS = 3
# A module that hangs is given up by the suite itself; its tests are then missing from its results.
MODULE_SECONDS = 1500
BAD = ("error", "failure", "missing", "unexpected success")

native, image, results, differences_path, own, *modules = sys.argv[1:]
sides = {"native": native, "image": image}
counts = collections.Counter()


def passed():
    counts["passed"] += 1


def failed(text):
    counts["failed"] += 1
    print("FAIL", text)


def skipped(text):
    counts["skipped"] += 1
    print("skipped:", text)


def start(side, name, arguments):
    """The suite on one side; its log and its results have NAME in their names."""
    own_module = any(os.path.exists(f"{own}/{argument}.py") for argument in arguments)
    command = [sides[side], PYTHON, "-m", "test", "-u", RESOURCES, "-i", IGNORED, "--timeout", str(MODULE_SECONDS), "--junit-xml", f"{results}/{side}-{name}.xml"]
    command += ["--testdir", own] if own_module else []
    with open(f"{results}/{side}-{name}.log", "wb") as log:
        return subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def status_of(case):
    for tag in ("error", "failure"):
        if case.find(tag) is not None:
            return tag
    if case.find("skipped") is not None:
        return "skip"
    if case.find("output") is not None:
        return "expected failure"
    return "unexpected success" if case.find("outcome") is not None else "pass"


def collect(side, name):
    """Test id → status. An id that is there twice has its worse one; what did not end has none."""
    found = {}
    try:
        cases = xml.etree.ElementTree.parse(f"{results}/{side}-{name}.xml").getroot().iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        return found
    for case in cases:
        test, status = case.get("name"), status_of(case)
        if test is not None and (test not in found or status in BAD):
            found[test] = status
    return found


def module_of(test):
    """The longest of the modules that the id holds: "test.test_os.X.y", "test_sqlite3.X.y", "unittest.loader.ModuleSkipped.test.test_asyncio.z"."""
    return next((part for part in test.split(".") if part in modules), None)


def run_all():
    """Everything once, both sides at the same time. Debian's modules share workers; our own are a run of their own."""
    shipped = [module for module in modules if not os.path.exists(f"{own}/{module}.py")]
    runs = [(side, "suite", start(side, "suite", ["-j4", *shipped])) for side in sides]
    for module in modules:
        if module not in shipped:
            runs += [(side, module, start(side, module, [module])) for side in sides]
    found = {side: {} for side in sides}
    for side, name, process in runs:
        process.wait()
        found[side].update(collect(side, name))
    return found


def run_again(found, doubtful, round_number):
    """The doubtful tests alone, module by module, one side after the other."""
    by_module = collections.defaultdict(list)
    for test in doubtful:
        by_module[module_of(test)].append(test)
    for module, tests in by_module.items():
        if module is None:
            continue
        name = f"{module}-again-{round_number}"
        with open(f"{results}/{name}.txt", "w", encoding="utf-8") as file:
            file.writelines(test + "\n" for test in tests)
        for side in sides:
            start(side, name, ["--matchfile", f"{results}/{name}.txt", module]).wait()
            found[side].update({test: status for test, status in collect(side, name).items() if test in tests})


def read_differences():
    """Test id → (native status, image status, reason)."""
    entries = {}
    with open(differences_path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                test, native_status, image_status, reason = line.strip().split(maxsplit=3)
                entries[test] = native_status, image_status, reason
    return entries


def shown(found, test):
    return tuple(found[side].get(test, "missing") for side in sides)


def judge(found, documented):
    ids = sorted(found["native"].keys() | found["image"].keys() | documented.keys())
    wrong = collections.Counter()
    for test in ids:
        natively, inside = shown(found, test)
        if test in documented:
            expected, racing = documented[test][:2], documented[test][2].startswith("races natively")
            if (natively, inside) == expected or (racing and natively == inside == "pass"):
                passed()
            else:
                failed(f"{test}: documented as {' -> '.join(expected)}, is {natively} -> {inside}")
        elif natively in ("error", "failure") and inside != natively:
            skipped(f"{test} fails natively on this machine, from the image: {inside}")
        elif natively != inside:
            wrong[module_of(test)] += 1
            print(f"differs: {test}: {natively} -> {inside}")
    for module in modules:
        total = sum(module_of(test) == module for test in found["native"])
        if total == 0:
            failed(f"{module} ran no test natively")
        elif wrong[module]:
            failed(f"{module}: {wrong[module]} of {total} tests differ")
        else:
            passed()
    if wrong[None]:
        failed(f"{wrong[None]} tests of no module differ")


def report(found):
    for side in sides:
        by_status = collections.Counter(found[side].values())
        print(f"{side}: {len(found[side])} tests,", ", ".join(f"{number} {status}" for status, number in by_status.most_common()))


def end_all():
    """Ends what tests have left behind: orphans come to this process."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main():
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        documented = read_differences()
        if len(documented) > LIMIT:
            failed(f"{len(documented)} documented differences, at most {LIMIT} may be")
        found = run_all()
        for round_number in range(1, ROUNDS + 1):
            doubtful = []
            for test in sorted(found["native"].keys() | found["image"].keys()):
                natively, inside = shown(found, test)
                if (natively != inside or natively in BAD) and documented.get(test, ())[:2] != (natively, inside):
                    doubtful.append(test)
                    print(f"again, round {round_number}: {test}: {natively} -> {inside}")
            if not doubtful:
                break
            run_again(found, doubtful, round_number)
        report(found)
        judge(found, documented)
    finally:
        end_all()
    print(f"{counts['passed']} passed, {counts['failed']} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["failed"] else 0


sys.exit(main())
