#!/bin/sh
# Starts a program in an image. The library is its own launcher: what it is to do stands in variables.
set -eu

root=${RUNFILES_DIR:-${TEST_SRCDIR:-}}
if [ -z "$root" ] || [ ! -e "$root/%{library}" ]; then
    root=$0.runfiles
fi
library=$root/%{library}
if [ ! -e "$library" ]; then
    echo "$0: the image is not in the runfiles: $library" >&2
    exit 125
fi

join() {
    if [ -n "$1" ]; then printf '%s:%s' "$1" "$2"; else printf '%s' "$2"; fi
}

%{settings}
exec "$library" %{command} "$@"
