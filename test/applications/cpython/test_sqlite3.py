"""sqlite3 on files, for `python -m test`: Debian's test suite comes without CPython's package of that name.

What a database asks of its file system: journals of every kind, locks between processes, shared memory of WAL, recovery after a kill, temporary files, limits.
"""
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
from test.support import os_helper

# A second process: says "ready" where the code calls ready(), which then waits for a line.
CHILD = """
import os, sqlite3, sys
path = sys.argv[1]
def ready():
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def child(path, code):
    """A process that runs CODE, and has come to its first ready()."""
    command = [sys.executable, "-c", CHILD + code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                raise AssertionError("the child did not get ready")
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def proceed(process):
    """Lets the child go on; its status once it has ended."""
    process.stdin.write("\n")
    process.stdin.close()
    return process.wait()


class OnFile(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(directory.name, "data base.db")

    def connect(self, path=None, **options):
        options.setdefault("isolation_level", None)
        connection = sqlite3.connect(path or self.path, **options)
        self.addCleanup(connection.close)
        return connection

    def names(self):
        return sorted(os.listdir(self.directory))

    def value(self, sql, connection=None):
        return (connection or self.connect()).execute(sql).fetchone()[0]

    def assertWhole(self, connection=None):
        self.assertEqual(self.value("PRAGMA integrity_check", connection), "ok")


class Journals(OnFile):
    def check_mode(self, mode, during, after):
        connection = self.connect()
        self.assertEqual(self.value(f"PRAGMA journal_mode={mode}", connection), mode)
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        self.assertEqual(self.names(), ["data base.db", *during])
        connection.execute("COMMIT")
        self.assertEqual(self.names(), ["data base.db", *after])
        if mode != "off":
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO t VALUES (?)", ((i,) for i in range(1000)))
            connection.execute("ROLLBACK")
        self.assertEqual(self.value("SELECT count(*) FROM t", connection), 1)
        connection.close()
        self.assertEqual(self.value("SELECT count(*) FROM t"), 1)
        self.assertWhole()

    def test_delete(self):
        self.check_mode("delete", ["data base.db-journal"], [])

    def test_truncate(self):
        self.check_mode("truncate", ["data base.db-journal"], ["data base.db-journal"])
        self.assertEqual(os.path.getsize(self.path + "-journal"), 0)

    def test_persist(self):
        self.check_mode("persist", ["data base.db-journal"], ["data base.db-journal"])
        self.assertGreater(os.path.getsize(self.path + "-journal"), 0)

    def test_memory(self):
        self.check_mode("memory", [], [])

    def test_off(self):
        self.check_mode("off", [], [])

    def test_wal(self):
        self.check_mode("wal", ["data base.db-shm", "data base.db-wal"], ["data base.db-shm", "data base.db-wal"])

    def test_wal_files_go_with_the_last_connection(self):
        first, second = self.connect(), self.connect()
        first.execute("PRAGMA journal_mode=wal")
        first.execute("CREATE TABLE t (x)")
        self.assertEqual(self.value("SELECT count(*) FROM t", second), 0)
        first.close()
        self.assertIn("data base.db-wal", self.names())
        second.close()
        self.assertEqual(self.names(), ["data base.db"])

    def test_checkpoint_empties_the_log(self):
        connection = self.connect()
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE t (x)")
        self.assertGreater(os.path.getsize(self.path + "-wal"), 0)
        self.assertEqual(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone(), (0, 0, 0))
        self.assertEqual(os.path.getsize(self.path + "-wal"), 0)

    def test_several_files_commit_as_one(self):
        connection = self.connect()
        connection.execute("ATTACH ? AS other", (os.path.join(self.directory, "other.db"),))
        connection.execute("CREATE TABLE main.a (x)")
        connection.execute("CREATE TABLE other.b (x)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO a VALUES (1)")
        connection.execute("INSERT INTO b VALUES (1)")
        connection.execute("ROLLBACK")
        with connection:
            connection.execute("BEGIN")
            connection.execute("INSERT INTO a VALUES (2)")
            connection.execute("INSERT INTO b VALUES (3)")
        self.assertEqual(self.names(), ["data base.db", "other.db"])
        self.assertEqual(self.value("SELECT x FROM a"), 2)
        self.assertEqual(self.value("SELECT x FROM b", self.connect(os.path.join(self.directory, "other.db"))), 3)

    def test_savepoints(self):
        connection = self.connect()
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("SAVEPOINT s")
        connection.executemany("INSERT INTO t VALUES (?)", ((i,) for i in range(10000)))
        connection.execute("ROLLBACK TO s")
        connection.execute("COMMIT")
        self.assertEqual(self.value("SELECT count(*) FROM t"), 1)


class Processes(OnFile):
    modes = ("delete", "wal")

    def prepare(self, mode):
        self.path = os.path.join(self.directory, f"{mode}.db")
        connection = self.connect(timeout=0)
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        return connection

    def test_a_writer_locks_out_writers(self):
        for mode in self.modes:
            with self.subTest(mode):
                connection = self.prepare(mode)
                code = "c = sqlite3.connect(path, isolation_level=None); c.execute('BEGIN IMMEDIATE'); c.execute('INSERT INTO t VALUES (2)'); ready(); c.execute('COMMIT')"
                with child(self.path, code) as process:
                    with self.assertRaisesRegex(sqlite3.OperationalError, "database is locked"):
                        connection.execute("INSERT INTO t VALUES (3)")
                    self.assertEqual(self.value("SELECT count(*) FROM t", connection), 1)
                    self.assertEqual(proceed(process), 0)
                connection.execute("INSERT INTO t VALUES (3)")
                self.assertEqual(self.value("SELECT count(*) FROM t", connection), 3)

    def test_an_exclusive_lock_keeps_readers_out(self):
        connection = self.prepare("delete")
        with child(self.path, "c = sqlite3.connect(path, isolation_level=None); c.execute('BEGIN EXCLUSIVE'); ready(); c.execute('COMMIT')") as process:
            with self.assertRaisesRegex(sqlite3.OperationalError, "database is locked"):
                connection.execute("SELECT * FROM t").fetchall()
            self.assertEqual(proceed(process), 0)
        self.assertEqual(self.value("SELECT count(*) FROM t", connection), 1)

    def test_a_waiting_writer_gets_its_turn(self):
        for mode in self.modes:
            with self.subTest(mode):
                connection = self.prepare(mode)
                connection.execute("BEGIN IMMEDIATE")
                code = "c = sqlite3.connect(path, isolation_level=None, timeout=60); ready(); c.execute('INSERT INTO t VALUES (2)')"
                with child(self.path, code) as process:
                    process.stdin.write("\n")
                    process.stdin.flush()
                    connection.execute("COMMIT")
                    self.assertEqual(process.wait(), 0)
                self.assertEqual(self.value("SELECT count(*) FROM t", connection), 2)

    def test_a_reader_of_the_log_keeps_its_snapshot(self):
        connection = self.prepare("wal")
        connection.execute("BEGIN")
        self.assertEqual(self.value("SELECT count(*) FROM t", connection), 1)
        with child(self.path, "c = sqlite3.connect(path); c.execute('INSERT INTO t VALUES (2)'); c.commit(); ready()") as process:
            self.assertEqual(self.value("SELECT count(*) FROM t", connection), 1)
            connection.execute("COMMIT")
            self.assertEqual(self.value("SELECT count(*) FROM t", connection), 2)
            self.assertEqual(proceed(process), 0)

    def test_a_killed_writer_is_rolled_back(self):
        code = """
c = sqlite3.connect(path, isolation_level=None)
c.execute('PRAGMA cache_size=5'); c.execute('PRAGMA cache_spill=ON')
c.execute('BEGIN')
c.execute('UPDATE t SET x = 2')
c.executemany('INSERT INTO t VALUES (?)', (('x' * 500,) for i in range(2000)))
ready()
"""
        for mode in ("delete", "truncate", "persist", "wal"):
            with self.subTest(mode):
                connection = self.prepare(mode)
                with child(self.path, code) as process:
                    process.kill()
                    self.assertEqual(process.wait(), -9)
                if mode != "wal":
                    self.assertGreater(os.path.getsize(self.path + "-journal"), 0)
                self.assertEqual(connection.execute("SELECT x FROM t").fetchall(), [(1,)])
                self.assertWhole(connection)
                connection.execute("INSERT INTO t VALUES (3)")

    def test_no_increment_is_lost(self):
        code = """
c = sqlite3.connect(path, isolation_level=None, timeout=300)
c.execute('PRAGMA synchronous=off')
ready()
for i in range(50):
    c.execute('BEGIN IMMEDIATE')
    n, = c.execute('SELECT x FROM t').fetchone()
    c.execute('UPDATE t SET x = ?', (n + 1,))
    c.execute('COMMIT')
"""
        for mode in self.modes:
            with self.subTest(mode), contextlib.ExitStack() as stack:
                connection = self.prepare(mode)
                processes = [stack.enter_context(child(self.path, code)) for _ in range(4)]
                for process in processes:
                    process.stdin.write("\n")
                    process.stdin.flush()
                self.assertEqual([process.wait() for process in processes], [0] * 4)
                self.assertEqual(self.value("SELECT x FROM t", connection), 201)
                self.assertWhole(connection)

    def test_a_forked_child_reads(self):
        self.prepare("delete").close()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if sqlite3.connect(self.path).execute("SELECT x FROM t").fetchall() == [(1,)] else 2
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(pid, 0), (pid, 0))


class Threads(OnFile):
    def test_each_with_a_connection(self):
        with contextlib.closing(self.connect()) as connection:
            connection.execute("PRAGMA journal_mode=wal")
            connection.execute("CREATE TABLE t (x)")
        failures = []

        def work(number):
            try:
                connection = sqlite3.connect(self.path, isolation_level=None, timeout=300)
                connection.execute("PRAGMA synchronous=off")
                for i in range(25):
                    connection.execute("INSERT INTO t VALUES (?)", (number * 1000 + i,))
                connection.close()
            except sqlite3.Error as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.value("SELECT count(DISTINCT x) FROM t"), 200)

    def test_a_connection_belongs_to_its_thread(self):
        connection, errors = self.connect(), []

        def use():
            try:
                connection.execute("SELECT 1")
            except sqlite3.ProgrammingError as error:
                errors.append(error)

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        self.assertEqual(len(errors), 1)

    def test_interrupt(self):
        connection = self.connect(check_same_thread=False)
        connection.create_function("stop", 0, connection.interrupt)
        with self.assertRaisesRegex(sqlite3.OperationalError, "interrupted"):
            connection.execute("WITH RECURSIVE n(i) AS (SELECT stop() UNION ALL SELECT i FROM n) SELECT count(*) FROM n").fetchall()


class Sizes(OnFile):
    def fill(self, connection, rows=5000):
        connection.execute("PRAGMA synchronous=off")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?)", ((os.urandom(200).hex(),) for _ in range(rows)))
        connection.execute("COMMIT")

    def test_page_sizes(self):
        for size in (512, 1024, 4096, 8192, 65536):
            with self.subTest(size):
                connection = self.connect(f"{self.path}.{size}")
                connection.execute(f"PRAGMA page_size={size}")
                self.fill(connection, 1000)
                self.assertEqual(self.value("PRAGMA page_size", connection), size)
                self.assertEqual(os.path.getsize(f"{self.path}.{size}"), size * self.value("PRAGMA page_count", connection))
                self.assertWhole(connection)

    def test_vacuum(self):
        connection = self.connect()
        self.fill(connection)
        before = os.path.getsize(self.path)
        connection.execute("DELETE FROM t WHERE rowid > 10")
        self.assertEqual(os.path.getsize(self.path), before)
        connection.execute("VACUUM")
        self.assertLess(os.path.getsize(self.path), before // 10)
        self.assertEqual(self.names(), ["data base.db"])
        self.assertWhole(connection)

    def test_vacuum_into(self):
        connection = self.connect()
        self.fill(connection, 100)
        connection.execute("VACUUM INTO ?", (self.path + ".copy",))
        self.assertEqual(self.value("SELECT count(*) FROM t", self.connect(self.path + ".copy")), 100)

    def test_incremental_vacuum(self):
        connection = self.connect()
        connection.execute("PRAGMA auto_vacuum=incremental")
        self.fill(connection)
        connection.execute("DELETE FROM t")
        before = os.path.getsize(self.path)
        connection.executescript("PRAGMA incremental_vacuum")
        self.assertLess(os.path.getsize(self.path), before // 10)

    def test_mapped(self):
        connection, writer = self.connect(), self.connect()
        self.fill(writer)
        self.assertEqual(self.value(f"PRAGMA mmap_size={1 << 28}", connection), 1 << 28)
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE length(x) = 400", connection), 5000)
        writer.execute("UPDATE t SET x = 'new'")
        self.assertEqual(self.value("SELECT count(*) FROM t WHERE x = 'new'", connection), 5000)
        writer.execute("DELETE FROM t")
        writer.execute("VACUUM")
        self.assertEqual(self.value("SELECT count(*) FROM t", connection), 0)
        self.assertWhole(connection)

    def test_sorting_by_temporary_files(self):
        connection = self.connect()
        connection.execute("PRAGMA temp_store=file")
        connection.execute("PRAGMA cache_size=10")
        self.fill(connection)
        connection.execute("CREATE TEMP TABLE sorted AS SELECT x FROM t ORDER BY x DESC")
        found = [row[0] for row in connection.execute("SELECT x FROM sorted")]
        self.assertEqual(found, sorted(found, reverse=True))
        self.assertEqual(len(found), 5000)

    def test_a_full_database(self):
        connection = self.connect()
        connection.execute("PRAGMA max_page_count=20")
        with self.assertRaisesRegex(sqlite3.OperationalError, "full"):
            self.fill(connection)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self.assertWhole(connection)

    def test_a_limit_of_file_size(self):
        code = """
import resource
c = sqlite3.connect(path, isolation_level=None)
c.execute('CREATE TABLE t (x)')
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
try:
    c.execute('INSERT INTO t VALUES (zeroblob(4 << 20))')
except sqlite3.OperationalError as error:
    print('ready', flush=True)
"""
        with child(self.path, code) as process:
            self.assertEqual(process.wait(), 0)
        self.assertLessEqual(os.path.getsize(self.path), 1 << 20)
        self.assertEqual(self.value("SELECT count(*) FROM t"), 0)
        self.assertWhole()

    def test_blobs(self):
        connection = self.connect()
        connection.execute("CREATE TABLE t (x BLOB)")
        data = os.urandom(3 << 20)
        connection.execute("INSERT INTO t VALUES (zeroblob(?))", (len(data),))
        with connection.blobopen("t", "x", 1) as blob:
            blob.write(data)
            blob.seek(1 << 20)
            self.assertEqual(blob.read(100), data[1 << 20 : (1 << 20) + 100])
            blob[5] = 0
        self.assertEqual(self.value("SELECT x FROM t"), data[:5] + b"\0" + data[6:])


class Opening(OnFile):
    def setUp(self):
        super().setUp()
        with contextlib.closing(self.connect()) as connection:
            connection.execute("CREATE TABLE t (x)")

    def test_read_only(self):
        connection = self.connect(f"file:{self.path}?mode=ro", uri=True)
        self.assertEqual(self.value("SELECT count(*) FROM t", connection), 0)
        with self.assertRaisesRegex(sqlite3.OperationalError, "readonly"):
            connection.execute("INSERT INTO t VALUES (1)")

    def test_immutable_and_without_locks(self):
        for option in ("immutable=1", "nolock=1"):
            self.assertEqual(self.value("SELECT count(*) FROM t", self.connect(f"file:{self.path}?{option}", uri=True)), 0)

    def test_absent(self):
        for path in (f"{self.path}.absent", os.path.join(self.directory, "absent", "x.db")):
            with self.assertRaisesRegex(sqlite3.OperationalError, "unable to open"):
                self.connect(f"file:{path}?mode=rw", uri=True)

    def test_a_directory(self):
        with self.assertRaisesRegex(sqlite3.OperationalError, "unable to open"):
            self.connect(self.directory)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_without_permission(self):
        os.chmod(self.path, 0o444)
        with self.assertRaisesRegex(sqlite3.OperationalError, "readonly"):
            self.connect().execute("INSERT INTO t VALUES (1)")
        os.chmod(self.path, 0o000)
        with self.assertRaisesRegex(sqlite3.OperationalError, "unable to open"):
            self.connect().execute("SELECT * FROM t")
        os.chmod(self.path, 0o644)
        os.chmod(self.directory, 0o555)
        self.addCleanup(os.chmod, self.directory, 0o755)
        with self.assertRaisesRegex(sqlite3.OperationalError, "readonly|unable to open"):
            self.connect().execute("INSERT INTO t VALUES (1)")

    def test_no_database(self):
        with open(self.path, "wb") as file:
            file.write(b"no database" * 100)
        with self.assertRaisesRegex(sqlite3.DatabaseError, "not a database"):
            self.connect().execute("SELECT * FROM t")

    def test_bytes_that_are_no_text(self):
        if os_helper.TESTFN_UNDECODABLE is None:
            self.skipTest("every name is text here")
        path = os.fsencode(self.directory) + b"/" + os.path.basename(os_helper.TESTFN_UNDECODABLE)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (x)")
        self.assertTrue(os.path.exists(path))

    def test_through_a_link(self):
        os.symlink(self.path, self.path + ".link")
        connection = self.connect(self.path + ".link")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        self.assertIn("data base.db-journal", self.names())
        connection.execute("COMMIT")
        self.assertEqual(self.value("SELECT count(*) FROM t"), 1)

    def test_relative(self):
        with os_helper.change_cwd(self.directory):
            self.assertEqual(self.value("SELECT count(*) FROM t", self.connect("data base.db")), 0)

    def test_a_temporary_database(self):
        before = self.names()
        with contextlib.closing(sqlite3.connect("")) as connection:
            connection.execute("PRAGMA cache_size=5")
            connection.execute("CREATE TABLE t (x)")
            connection.executemany("INSERT INTO t VALUES (?)", (("y" * 1000,) for _ in range(500)))
            self.assertEqual(self.value("SELECT count(*) FROM t", connection), 500)
        self.assertEqual(self.names(), before)

    def test_no_descriptor_left(self):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            with contextlib.closing(sqlite3.connect(self.path)) as connection:
                connection.execute("SELECT * FROM t").fetchall()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class Copies(OnFile):
    def setUp(self):
        super().setUp()
        self.connection = self.connect()
        self.connection.execute("CREATE TABLE t (x)")
        with self.connection:
            self.connection.execute("BEGIN")
            self.connection.executemany("INSERT INTO t VALUES (?)", ((i,) for i in range(1000)))

    def test_backup(self):
        target, steps = self.connect(self.path + ".copy"), []
        self.connection.backup(target, pages=1, progress=lambda status, remaining, total: steps.append(remaining))
        self.assertEqual(steps[-1], 0)
        self.assertGreater(len(steps), 1)
        self.assertEqual(self.value("SELECT sum(x) FROM t", target), 499500)

    def test_dump(self):
        target = self.connect(":memory:")
        target.executescript("".join(self.connection.iterdump()))
        self.assertEqual(self.value("SELECT sum(x) FROM t", target), 499500)

    def test_serialized(self):
        data = self.connection.serialize()
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), data)
        target = self.connect(":memory:")
        target.deserialize(data)
        self.assertEqual(self.value("SELECT sum(x) FROM t", target), 499500)

    def test_a_copied_file(self):
        with open(self.path, "rb") as source, open(self.path + ".copy", "wb") as target:
            while os.copy_file_range(source.fileno(), target.fileno(), 1 << 20):
                pass
        self.assertEqual(self.value("SELECT sum(x) FROM t", self.connect(self.path + ".copy")), 499500)


class Extensions(unittest.TestCase):
    """Modules of the library itself, functions of the program."""

    def setUp(self):
        self.connection = sqlite3.connect(":memory:")
        self.addCleanup(self.connection.close)

    def test_full_text(self):
        self.connection.execute("CREATE VIRTUAL TABLE d USING fts5(body)")
        self.connection.executemany("INSERT INTO d VALUES (?)", [("a red fox",), ("a blue bird",)])
        self.assertEqual(self.connection.execute("SELECT body FROM d WHERE d MATCH 'fox'").fetchall(), [("a red fox",)])

    def test_functions(self):
        class Product:
            value = 1

            def step(self, x):
                self.value *= x

            def finalize(self):
                return self.value

        self.connection.create_function("twice", 1, lambda x: 2 * x, deterministic=True)
        self.connection.create_aggregate("product", 1, Product)
        self.connection.create_collation("back", lambda a, b: (a < b) - (a > b))
        values = "(VALUES ('a', 2), ('b', 3), ('c', 4))"
        self.assertEqual(self.connection.execute(f"SELECT product(twice(column2)) FROM {values}").fetchone(), (192,))
        self.assertEqual(self.connection.execute(f"SELECT column1 FROM {values} ORDER BY column1 COLLATE back").fetchall(), [("c",), ("b",), ("a",)])

    def test_rows_and_types(self):
        self.connection.row_factory = sqlite3.Row
        row = self.connection.execute("SELECT 1 AS a, 2.5 AS b, 'x' AS c, x'00ff' AS d, NULL AS e").fetchone()
        self.assertEqual(dict(row), {"a": 1, "b": 2.5, "c": "x", "d": b"\0\xff", "e": None})

    def test_a_failed_block_is_undone(self):
        self.connection.execute("CREATE TABLE t (x UNIQUE)")
        with self.assertRaises(sqlite3.IntegrityError), self.connection:
            self.connection.execute("INSERT INTO t VALUES (1)")
            self.connection.execute("INSERT INTO t VALUES (1)")
        self.assertEqual(self.connection.execute("SELECT count(*) FROM t").fetchone(), (0,))

    def test_one_cache_for_two_connections(self):
        with contextlib.closing(sqlite3.connect("file:shared?mode=memory&cache=shared", uri=True)) as first:
            with contextlib.closing(sqlite3.connect("file:shared?mode=memory&cache=shared", uri=True)) as second:
                first.execute("CREATE TABLE t (x)")
                first.execute("INSERT INTO t VALUES (1)")
                first.commit()
                self.assertEqual(second.execute("SELECT x FROM t").fetchall(), [(1,)])


if __name__ == "__main__":
    unittest.main()
