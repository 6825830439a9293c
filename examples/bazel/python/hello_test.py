"""Runs in the image: what is in it is there, and nothing else is."""

import os
import sqlite3
import sys
import unittest

from hello.greeting import greeting


class HelloTest(unittest.TestCase):
    def test_data_file_is_in_the_image(self):
        os.environ["LANG"] = "de_DE.UTF-8"
        self.assertEqual(greeting("Welt"), "Hallo, Welt!")

    def test_extension_modules_load(self):
        with sqlite3.connect(":memory:") as connection:
            self.assertEqual(connection.execute("select 6 * 7").fetchone(), (42,))

    def test_files_of_the_machine_are_absent(self):
        self.assertFalse(os.path.exists("/etc/passwd"))
        self.assertEqual(sorted(os.listdir("/app")), ["hello", "hello_test.py", "main.py"])

    def test_what_is_written_to_the_directory_of_the_test_is_the_machines(self):
        path = os.path.join(os.environ["TEST_TMPDIR"], "written")
        with open(path, "w", encoding="utf-8") as file:
            file.write("by the test")
        self.assertEqual(os.path.getsize(path), 11)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
