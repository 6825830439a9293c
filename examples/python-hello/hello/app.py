"""Reads its own data, uses C extensions, lists /, asks for an undeclared host file, writes a file and reads it back."""

import argparse
import json
import os
import sqlite3
import ssl
import sys
from importlib import resources


def main(arguments):
    options = parse(arguments)
    say("program", f"Python {sys.version.split()[0]} at {sys.executable}")
    say("own data", greeting())
    say("C extensions", f"SQLite {sqlite3.sqlite_version}, {database_sum()} by SQL; {ssl.OPENSSL_VERSION}")
    say("/", " ".join(sorted(os.listdir("/"))))
    hidden = is_absent(options.absent)
    say(options.absent, "absent" if hidden else "PRESENT: this is the host's file system")
    if options.host_path:
        say(options.host_path, passed_through(options.host_path))
    fresh = write_and_read_back(options.write)
    return 0 if hidden and fresh else 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python-hello", description=__doc__)
    parser.add_argument("--absent", default="/etc/passwd", help="a host file that was not declared (default: %(default)s)")
    parser.add_argument("--host-path", help="a host file that was declared")
    parser.add_argument("--write", default="/var/lib/hello/visits", help="the file to write (default: %(default)s)")
    return parser.parse_args(arguments)


def say(what, value):
    print(f"{what:<18} {value}")


def greeting():
    language = os.environ.get("LANG", "en")[:2]
    texts = json.loads(resources.files(__package__).joinpath("greetings.json").read_text("utf-8"))
    return texts.get(language, texts["en"])


def database_sum():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table visit (n integer)")
        connection.executemany("insert into visit values (?)", [(n,) for n in range(101)])
        return connection.execute("select sum(n) from visit").fetchone()[0]


def is_absent(path):
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    return False


def passed_through(path):
    try:
        with open(path, "rb") as file:
            return f"{len(file.read())} bytes of the host's"
    except FileNotFoundError:
        return "declared, and this host has none"


def write_and_read_back(path):
    """Counts visits in a file: in an image that starts afresh, every run is the first."""
    before = 0
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = int(file.read())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(before + 1))
    with open(path, encoding="utf-8") as file:
        now = int(file.read())
    say("written", f"{path} holds {now}, it held {before} when this run began")
    return before == 0 and now == 1
