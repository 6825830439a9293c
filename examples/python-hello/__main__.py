"""Lets `python3 examples/python-hello` run the application that lies beside this file."""

import sys

from hello.app import main

sys.exit(main(sys.argv[1:]))
