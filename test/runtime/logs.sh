#!/usr/bin/env bash
# BINARYFS_HOST_LOG has a line for each file that came from the host, as strace sees it from outside; BINARYFS_MISSES one for each path that was nowhere, with the option that would have helped.
. "$(dirname "$0")/support/lib.sh"

root=$scratch/root
mkdir -p "$root/bin" "$root/lib" "$scratch/host/directory" "$scratch/volume"
gcc -O1 -o "$root/bin/ask" "$here/logs/ask.c" || fail "compile ask"
gcc -O1 -static -o "$root/bin/ask-static" "$here/logs/ask.c" || fail "compile ask (static)"
cp "$root/bin/ask" "$scratch/ask-on-host"
printf '#!/bin/ask /script-ran\n' >"$root/bin/script"
chmod 755 "$root/bin/script" "$scratch/ask-on-host"
echo file >"$scratch/host/file"
echo entry >"$scratch/host/directory/entry"
ln -s entry "$scratch/host/directory/link"
echo kept >"$scratch/volume/kept"
mkfifo "$scratch/volume/fifo"
chmod 777 "$scratch/volume" "$scratch/host"
binaryfs build "$root" -o "$scratch/lib.so" --host-path "$scratch/host/file" --host-path "$scratch/host/directory" --volume /vol >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "build"; finish; }
log=$scratch/log
misses=$scratch/misses
fresh() { rm -f "$log" "$misses"; install -m 666 /dev/null "$log"; install -m 666 /dev/null "$misses"; }
logs=(BINARYFS_HOST_LOG="$log" BINARYFS_MISSES="$misses" BINARYFS_VOLUMES="/vol=$scratch/volume")

# --- the host log ------------------------------------------------------------------------------------------------------------------------------
used=("$scratch/host/file" "$scratch/host/directory" "$scratch/host/directory/entry" "$scratch/host/directory/link" /vol/kept +/vol/new /vol /dev/null /dev/zero /dev/urandom /proc/cpuinfo
	/proc/meminfo /proc/sys/kernel/osrelease /proc/self/status /proc/self/maps /proc/net/dev /sys/fs/cgroup /bin/ask /bin/absent)
traced() { # NAME PROGRAM…: the log of a run under strace is complete
	local name=$1
	shift
	fresh
	as_user env "${logs[@]}" strace -f -i -y -o "$scratch/trace" -e trace=%file,openat,openat2,connect "$scratch/lib.so" "$@" >/dev/null 2>"$scratch/errors"
	expect "host log: $name" 0 'files opened' python3 "$here/logs/compare.py" "$scratch/trace" "$log" "$scratch/lib.so" "$misses"
}
install -m 666 /dev/null "$scratch/trace"
if as_user strace -o /dev/null true 2>/dev/null; then
	traced "an image program with the host's loader and libraries" /bin/ask "${used[@]}"
	traced "a static program" /bin/ask-static "${used[@]}"
	traced "a host program" "$scratch/ask-on-host" "${used[@]}"
	traced "a script" /bin/script "${used[@]}"
else
	skip "the host log under strace: no ptrace here"
fi
fresh
as_user env "${logs[@]}" "$scratch/lib.so" "$scratch/ask-on-host" "${used[@]}" @/vol/fifo
for line in "$scratch/ask-on-host" /etc/ld.so.cache /lib64/ld-linux-x86-64.so.2 "$scratch/host/directory/link" "$scratch/volume/new" "$scratch/volume/fifo" /dev/zero /proc/cpuinfo /sys/fs/cgroup; do
	if [ "$(grep -cxF "$line" "$log")" -eq 1 ]; then pass; else fail "the host log has $(grep -cxF "$line" "$log") lines for $line"; fi
done
if grep -q libc.so "$log"; then pass; else fail "the host log lacks the C library: $(cat "$log")"; fi
cp "$log" "$scratch/log.first"
as_user env "${logs[@]}" "$scratch/lib.so" "$scratch/ask-on-host" "${used[@]}" @/vol/fifo
if cmp -s "$log" "$scratch/log.first"; then pass; else fail "a second run appended: $(comm -13 <(sort "$scratch/log.first") <(sort "$log"))"; fi
fresh
as_user env "${logs[@]}" BINARYFS_HERMETIC=1 "$scratch/lib.so" /bin/ask-static /bin/ask
if [ -s "$log" ]; then fail "a hermetic run that uses nothing logged: $(cat "$log")"; else pass; fi

# --- misses --------------------------------------------------------------------------------------------------------------------------------------
odd=$scratch/odd
mkdir -p "$odd/directory"
touch "$odd/plain" "$odd/a space" "$odd/it's" "$odd/star*[1]?" "$odd/back\\slash" "$odd/"$'new\nline' "$odd/directory/inside"
ln -s plain "$odd/link"
mkfifo "$odd/fifo"
chmod -R a+rX "$odd"
fresh
asked=("$odd/absent" "$odd/plain" "$odd/a space" "$odd/it's" "$odd/star*[1]?" "$odd/back\\slash" "$odd/"$'new\nline' "$odd/link" "$odd/directory" "$odd/directory/../plain" "$odd/fifo" /dev/full/not
	/proc/kcore /sys/block "$odd/"$'absent\ttab' "$odd/directory/inside")
as_user env "${logs[@]}" "$scratch/lib.so" /bin/ask-static "${asked[@]}"
has() { # LINE: exactly one such line, and no other for its path
	if [ "$(grep -cxF -- "$1" "$misses")" -eq 1 ] && [ "$(cut -f1 "$misses" | grep -cxF -- "${1%%$'\t'*}")" -eq 1 ]; then pass; else fail "misses lack the line: $1 (have: $(cat "$misses"))"; fi
}
has "$odd/absent"
has "$odd/plain"$'\t'"--include '$odd/plain'"
has "$odd/a space"$'\t'"--include '$odd/a space'"
has "$odd/it's"$'\t'"--include '$odd/it'\\''s'"
has "$odd/star*[1]?"$'\t'"--include '$odd/star\\*\\[1]\\?'"
has "$odd/back\\134slash"$'\t'"--include '$odd/back\\\\slash'"
has "$odd/new\\012line"$'\t'"--include \$'$odd/new\\012line'"
has "$odd/link"$'\t'"--include '$odd/link'"
has "$odd/directory"$'\t'"--include '$odd/directory'"
has "$odd/fifo"$'\t'"--host-path '$odd/fifo'"
has /proc/kcore
has /sys/block$'\t'"--host-path '/sys/block'"
has "$odd/absent\\011tab"
if grep -qE '^/bin/|host/|^/vol' "$misses"; then fail "misses name what was found: $(cat "$misses")"; else pass; fi
[ "$(cut -f1 "$misses" | sort | uniq -d)" = "" ] && pass || fail "misses name a path twice"
# A second run, by `binaryfs run`, adds what is new alone.
before=$(wc -l <"$misses")
env "${logs[@]}" node "$project/dist/bin/main.js" run "$scratch/lib.so" -- /bin/ask-static "${asked[@]}" /nowhere/new
has /nowhere/new
if [ "$(wc -l <"$misses")" -eq $((before + 1)) ]; then pass; else fail "a second run appended $(($(wc -l <"$misses") - before)) lines"; fi
# Built again with the options that the file names, the program finds all that this machine has, and the misses are what it has not.
cut -sf2 "$misses" | grep -- '--include' >"$scratch/options"
eval "binaryfs build / -o $scratch/again.so --include $root/bin/ask-static $(tr '\n' ' ' <"$scratch/options")" >"$scratch/build.log" 2>&1 || fail "build with what the misses name: $(tail -n 3 "$scratch/build.log")"
fresh
as_user env "${logs[@]}" "$scratch/again.so" "$root/bin/ask-static" "${asked[@]}"
if grep -q -- --include "$misses"; then fail "still missing: $(cat "$misses")"; else pass; fi
has "$odd/absent"
# Never more lines than paths, whatever asks: many names, several processes.
fresh
as_user env "${logs[@]}" "$scratch/lib.so" /bin/ask-static $(seq -f "/many/%g" 3000)
if [ "$(wc -l <"$misses")" -eq 3000 ] && [ "$(sort -u "$misses" | wc -l)" -eq 3000 ]; then pass; else fail "$(wc -l <"$misses") lines for 3000 paths"; fi
# A log that cannot be written is no reason to fail.
expect "a log in a directory that is absent" 0 '' as_user env BINARYFS_MISSES=/absent/misses BINARYFS_HOST_LOG=/absent/log "$scratch/lib.so" /bin/ask-static /nowhere /dev/null
finish
