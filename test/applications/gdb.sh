#!/usr/bin/env bash
# gdb and strace, natively and in an image: programs started, stopped, looked into, changed; processes that run already. No setting tells gdb of SIGSYS.
. "$(dirname "$0")/support/both.sh"
if ! PATH=/usr/bin type -P gdb strace gcc >/dev/null; then
	skip "gdb, strace or gcc is not installed"
	finish
elif ! as_user strace -o /dev/null true 2>/dev/null; then
	skip "debuggers: no ptrace here"
	finish
fi
cp "$beside"/* "$cases"
# Not position-independent, so that addresses are the same.
gcc -g -O0 -no-pie -pthread -o "$cases/debuggee" "$cases/debuggee.c" || fail "compile debuggee"
gcc -O1 -static -o "$cases/calls" "$cases/calls.c" || fail "compile calls"
chmod 755 "$cases"/*
programs gdb strace sh bash cat grep mkdir mkfifo mv rm sed sleep sort uniq || fail "a program is not installed"
includes+=(--include /usr/share/gdb --include /usr/lib/python3.11 --exclude '/usr/lib/python3.11/test/*' --exclude '/usr/lib/python3.11/config-*')
for file in /lib/x86_64-linux-gnu/libthread_db.so.1 /usr/lib/x86_64-linux-gnu/gconv/UTF-32.so /usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache; do
	[ -e "$file" ] && includes+=(--include "$file")
done
library
both "debuggers" bash "$cases/session.sh"
finish
