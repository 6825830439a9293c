#!/usr/bin/env bash
# What a run wrote, saved: the directory holds exactly the difference, packs into a layer that gives the tree again, and appears whole or not at all.
. "$(dirname "$0")/support/lib.sh"

root=$scratch/root
mkdir -p "$root/bin" "$root/etc" "$root/app/moved/deep" "$root/app/dir" "$root/app/replaced" "$root/app/same" "$root/app/gone-dir/sub"
for program in sh mkdir ln mkfifo rm mv chmod touch truncate cat find sort sleep kill setfattr; do
	path=$(readlink -f "$(command -v "$program" || true)")
	[ -f "$path" ] && cp "$path" "$root/bin/$program"
done
printf 'hello\n' >"$root/etc/greeting"
printf 'g\n' >"$root/etc/gone"
printf 'same\n' >"$root/etc/linked"
ln "$root/etc/linked" "$root/etc/linked-too"
printf 'm\n' >"$root/app/moved/deep/m"
printf 'd\n' >"$root/app/dir/d"
printf 'a\n' >"$root/app/replaced/a"
printf 's\n' >"$root/app/same/s"
printf 'x\n' >"$root/app/becomes-a-directory"
mkdir "$root/app/becomes-a-file"
printf 'y\n' >"$root/app/becomes-a-file/y"
cat >"$root/write.sh" <<'EOF'
set -e
mkdir -p /app/new /tmp/t /app/empty
echo hi >/app/new/f
ln /app/new/f /app/new/g
ln -s f /app/new/l
mkfifo -m 600 /app/new/p
echo "a name
of two lines" >"/app/new/odd
name"
echo more >>/etc/greeting
rm /etc/gone /etc/linked-too
mv /app/moved /app/elsewhere
chmod 700 /app/dir
rm -r /app/replaced && mkdir /app/replaced && echo x >/app/replaced/only
rm /app/becomes-a-directory && mkdir /app/becomes-a-directory && echo z >/app/becomes-a-directory/z
rm -r /app/becomes-a-file && echo y >/app/becomes-a-file
rm -r /app/gone-dir
touch -d @1000000000 /app/new/f
truncate -s 10M /app/new/sparse && echo end >>/app/new/sparse
echo data >/dev/shm/in-shm
if [ -x /bin/setfattr ]; then setfattr -n user.color -v blue /app/new/f; fi
cat /app/same/s >/dev/null
exec 9>/tmp/unlinked; echo never >&9; rm /tmp/unlinked
EOF
# The tree as a program sees it, with contents; change times, inode numbers and what the start makes apart.
cat >"$root/look.sh" <<'EOF'
cd /
find . \( -path ./proc -o -path ./sys -o -path ./dev \) -prune -o ! -type d -printf '%p %y %m %U %G %n %s %T@ %l\n' -o -printf '%p %y %m %U %G\n' | sort
find etc app tmp -type f ! -name sparse ! -path "*odd*" | sort | while IFS= read -r f; do echo "== $f"; cat "$f"; done
EOF
binaryfs build "$root" -o "$scratch/base.so" >/dev/null || fail "build"

export_run() { as_user env BINARYFS_EXPORT_OVERLAY="$1" "$scratch/base.so" "${@:2}"; }
out=$scratch/out
mkdir "$out"
chmod 777 "$out"

expect "a run that is saved" 0 '' export_run "$out/saved" /bin/sh /write.sh
for path in app/new/f app/elsewhere/deep/m app/becomes-a-file app/becomes-a-directory/z etc/greeting app/empty tmp/t; do
	if [ -e "$out/saved/$path" ]; then pass; else fail "$path was not saved"; fi
done
for path in app/same app/dir/d etc/linked bin dev tmp/unlinked write.sh proc; do
	if [ ! -e "$out/saved/$path" ]; then pass; else fail "$path was saved though the run did not write it"; fi
done
for path in etc/gone etc/linked-too app/moved app/replaced/a app/gone-dir; do
	if [ "$(stat -c '%F %t %T' "$out/saved/$path" 2>/dev/null)" = "character special file 0 0" ]; then pass; else fail "$path is no whiteout"; fi
done
if [ "$(stat -c %h "$out/saved/app/new/f")" = 2 ] && [ "$(stat -c %i "$out/saved/app/new/f")" = "$(stat -c %i "$out/saved/app/new/g")" ]; then pass; else fail "hard links"; fi
if [ "$(stat -c %Y "$out/saved/app/new/f")" = 1000000000 ]; then pass; else fail "times"; fi
if [ "$(stat -c %b "$out/saved/app/new/sparse")" -lt 64 ]; then pass; else fail "holes: $(stat -c %b "$out/saved/app/new/sparse") blocks"; fi
if command -v getfattr >/dev/null && [ -x "$root/bin/setfattr" ] && setfattr -n user.test -v 1 "$out" 2>/dev/null; then
	if [ "$(getfattr --only-values -n user.color "$out/saved/app/new/f" 2>/dev/null)" = blue ]; then pass; else fail "extended attributes"; fi
else
	skip "extended attributes: the scratch directory's file system takes none"
fi

# The saved directory as a layer above the image gives the tree again.
binaryfs build --specials keep "$out/saved" -o "$scratch/layer.so" >/dev/null || fail "build the layer"
as_user "$scratch/base.so" /bin/sh -c '. /write.sh; exec 9>&-; . /look.sh' | sed "s/ [0-9.]* \$/ /" >"$scratch/expected"
as_user env SCONE_EXTENSIONS_PATH="$scratch/layer.so:$scratch/base.so" "$runner" /bin/sh -c '. /look.sh' | sed "s/ [0-9.]* \$/ /" >"$scratch/got"
# Times of what the two runs wrote differ; owners are those of the packed files; a link that a layer hides still counts, as under overlayfs.
normal() { sed -E 's/ [0-9]+\.[0-9]+ / /; s/^(\.[^ ]*( [^ ]*)? [a-z] [0-7]+) [0-9]+ [0-9]+( [0-9]+)?/\1/' "$1"; }
if diff <(normal "$scratch/expected") <(normal "$scratch/got") >"$scratch/diff"; then pass; else fail "the layer does not give the tree again: $(head -n 20 "$scratch/diff")"; fi

# Nothing written: an empty directory. Into an empty directory that is there.
mkdir "$out/empty"
chmod 777 "$out/empty"
expect "a run that writes nothing" 0 '' export_run "$out/empty" /bin/cat /etc/greeting
if [ -d "$out/empty" ] && [ -z "$(ls -A "$out/empty")" ]; then pass; else fail "something was saved of a run that wrote nothing: $(ls -A "$out/empty")"; fi

# The end is the program's, whatever it is; the program's children see nothing of the supervisor.
expect "an exit status" 7 '' export_run "$out/status" /bin/sh -c 'echo x >/tmp/x; exit 7'
if [ -e "$out/status/tmp/x" ]; then pass; else fail "a failing run was not saved"; fi
expect "a signal" 137 '' export_run "$out/killed" /bin/sh -c 'echo x >/tmp/x; kill -9 $$'
if [ -e "$out/killed/tmp/x" ]; then pass; else fail "a killed run was not saved"; fi
export_run "$out/term" /bin/sh -c 'trap "echo caught >/tmp/caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done' >"$scratch/term.log" 2>&1 &
job=$!
while ! grep -q ready "$scratch/term.log" 2>/dev/null && kill -0 $job 2>/dev/null; do sleep 0.05; done
kill -TERM $(cat "/proc/$job/task/$job/children")
wait $job
status=$?
if [ $status -eq 5 ] && [ "$(cat "$out/term/tmp/caught" 2>/dev/null)" = caught ]; then pass; else fail "a signal was not handed on: $status"; fi
expect "no trace in the tree's /proc" 0 '^1$' export_run "$out/proc" /bin/sh -c 'n=0; for p in /proc/[0-9]*; do n=$((n+1)); done; echo $n'

# Who reads what the program writes is done when the program closes it, not when it ends.
mkdir -m 777 "$scratch/shared"
"${unprivileged[@]}" env BINARYFS_EXPORT_OVERLAY="$out/pipe" BINARYFS_VOLUMES="/shared=$scratch/shared" "$scratch/base.so" \
	/bin/sh -c 'echo said; exec >&- 2>&-; while [ ! -e /shared/read ]; do sleep 0.05; done; echo x >/tmp/x' | (timeout 600 cat; echo "ended $?"; : >"$scratch/shared/read") >"$scratch/said"
if [ "$(cat "$scratch/said")" = "$(printf 'said\nended 0')" ] && [ -e "$out/pipe/tmp/x" ]; then pass; else fail "the supervisor keeps the program's output open"; fi
# A deep tree is saved.
expect "a deep tree" 0 '' export_run "$out/deep" /bin/sh -c 'i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done; echo x >deepest'
if [ "$(find "$out/deep" -name deepest | tr -cd / | wc -c)" -gt 300 ]; then pass; else fail "a deep tree was not saved"; fi

# Refused before anything runs.
expect "a directory that is not empty" 125 'export-refused.*already' export_run "$out/saved" /bin/cat /etc/greeting
: >"$out/file"
expect "a file" 125 'export-refused.*already' export_run "$out/file" /bin/cat /etc/greeting
expect "no parent" 125 'export-refused.*not there' export_run "$out/none/dir" /bin/cat /etc/greeting
mkdir "$scratch/closed" && chmod 755 "$scratch/closed"
if [ "$(id -u)" -eq 0 ]; then
	expect "a parent that may not be written" 125 'export-refused.*may not write' export_run "$scratch/closed/dir" /bin/cat /etc/greeting
else
	skip "a parent that may not be written: needs another user"
fi
# No room: one line, status 125, nothing left.
if [ "$(id -u)" -eq 0 ] && mkdir "$scratch/full" && mount -t tmpfs -o size=64k,mode=777 none "$scratch/full" 2>/dev/null; then
	cleanup_commands+=("umount '$scratch/full'")
	expect "a full disk" 125 'export-failed.*no space left' export_run "$scratch/full/dir" /bin/sh -c 'cat /bin/sh >/tmp/large; mkdir -p /tmp/a/b; echo x >/tmp/a/b/c'
	if [ -z "$(ls -A "$scratch/full")" ]; then pass; else fail "a failed export left $(ls -A "$scratch/full")"; fi
else
	skip "a full disk: needs root to mount one"
fi
expect "the command line" 0 '' binaryfs run --export-overlay "$out/cli" "$scratch/base.so" -- /bin/sh -c 'echo x >/tmp/x'
if [ -e "$out/cli/tmp/x" ]; then pass; else fail "binaryfs run --export-overlay saved nothing"; fi
finish
