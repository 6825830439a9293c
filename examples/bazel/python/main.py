"""Says hello to everyone that the command line names."""

import sys

from hello.greeting import greeting

for name in sys.argv[1:] or ["world"]:
    print(greeting(name))
