#!/usr/bin/env bash
# gcc, g++, binutils and make, natively and in an image: objects and programs are the same byte for byte, and what was linked in the image runs there.
. "$(dirname "$0")/support/both.sh"
. "$(dirname "$0")/support/toolchain.sh"
if ! PATH=/usr/bin type -P g++ make >/dev/null; then
	skip "g++ or make is not installed"
	finish
fi
cp "$beside"/*.sh "$cases"
toolchain c dlfcn.h errno.h math.h pthread.h stddef.h stdio.h stdlib.h string.h stdc-predef.h || fail "a part of gcc is not installed"
toolchain c++ algorithm cerrno cmath cstdio cstring fstream iostream map memory mutex stdexcept string thread vector
programs objcopy objdump readelf size strip make sh bash cat cksum echo expr find grep ls mkdir mv rm sed sort tail touch wc || fail "a program is not installed"
library
both "gcc" bash "$cases/project.sh"
finish
