#!/usr/bin/env bash
# Host paths, volumes, /proc and /dev as a program in an image sees them, with dynamic and static programs; the logs; and the doors that are refused.
. "$(dirname "$0")/support/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/host/directory" "$scratch/volume" "$scratch/nested"
chmod 777 "$scratch/host" "$scratch/host/directory" "$scratch/volume" "$scratch/nested"
printf 'host\n' >"$scratch/host/file"
printf 'beside\n' >"$scratch/host/beside"
printf 'entry\n' >"$scratch/host/directory/entry"
ln -s "$scratch/host/beside" "$scratch/host/directory/out"
ln -s "$scratch/volume" "$scratch/volume-link"
programs=()
for source in "$here"/providers/*.c; do
	name=$(basename "$source" .c)
	gcc -std=c11 -O1 -o "$scratch/root/bin/$name" "$source" -lpthread || fail "compile $name"
	gcc -std=c11 -O1 -static -o "$scratch/root/bin/$name-static" "$source" -lpthread || fail "compile $name (static)"
	programs+=("$name")
done
[ "${#programs[@]}" -ge 4 ] || fail "no provider programs found"
binaryfs build "$scratch/root" -o "$scratch/lib.so" --volume /vol --host-path "$scratch/host/file" --host-path "$scratch/host/directory/" --host-path "$scratch/host/missing" \
	>"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "build"; finish; }
sleep infinity &
outsider=$!
cleanup_commands+=("kill $outsider 2>/dev/null; wait $outsider 2>/dev/null")

in_image() { as_user env "$@"; }
all_pass='^[0-9]+ passed, 0 failed$'
for kind in "" -static; do
	expect "dev$kind" 0 "$all_pass" in_image "$scratch/lib.so" "/bin/dev$kind"
	expect "proc$kind" 0 "$all_pass" in_image "$scratch/lib.so" "/bin/proc$kind" "/bin/proc$kind" "$outsider"
	for host in "$scratch/volume" "$scratch/volume-link"; do
		expect "volume$kind at $host" 0 "$all_pass" in_image BINARYFS_VOLUMES="/vol=$host" "$scratch/lib.so" "/bin/volume$kind" /vol "$scratch/host/beside"
	done
	rm -f "$scratch/host/missing"
	expect "hostpath$kind" 0 "$all_pass" in_image "$scratch/lib.so" "/bin/hostpath$kind" "$scratch/host/file" "$scratch/host/directory" "$scratch/host/missing" "$scratch/host/beside"
done
# Somebody outside changes a watched directory of the host.
for kind in "" -static; do
	in_image "$scratch/lib.so" "/bin/notify$kind" "$scratch/host/directory" >"$scratch/notify.log" 2>&1 &
	watcher=$!
	while [ ! -e "$scratch/host/directory/ready" ] && kill -0 $watcher 2>/dev/null; do sleep 0.05; done
	(umask 0 && echo outside >"$scratch/host/directory/from-outside")
	wait $watcher
	if tail -n 1 "$scratch/notify.log" | grep -Eq "$all_pass"; then pass; else fail "notify$kind: $(cat "$scratch/notify.log")"; fi
	rm -f "$scratch/host/directory/ready" "$scratch/host/directory/from-outside"
done
# A symlink swapped in while the directory is used.
mkdir -p "$scratch/planted" "$scratch/raced"
printf 'planted' >"$scratch/planted/file"
touch "$scratch/planted/only-planted"
chmod 777 "$scratch/planted" "$scratch/raced"
chmod 666 "$scratch/planted/file"
expect "a raced symlink" 0 "$all_pass" in_image BINARYFS_VOLUMES="/vol=$scratch/raced" "$scratch/lib.so" /bin/race /vol "$scratch/planted"
if [ "$(cat "$scratch/planted/file")" = planted ] && [ "$(ls "$scratch/planted")" = "$(printf 'file\nonly-planted')" ]; then pass; else fail "a raced symlink was followed: $(ls -l "$scratch/planted")"; fi
# A volume inside a host path, and one added at run time.
expect "nested volume" 0 "$all_pass" in_image BINARYFS_VOLUMES="$scratch/host/directory/nested=$scratch/nested" "$scratch/lib.so" /bin/volume "$scratch/host/directory/nested" "$scratch/host/beside"
expect "deep volume" 0 "$all_pass" in_image BINARYFS_VOLUMES="/var/lib/app/data=$scratch/nested" "$scratch/lib.so" /bin/volume /var/lib/app/data "$scratch/host/beside"
# A declared volume that nobody gave a directory lives in the overlay.
expect "volume without a host directory" 0 "$all_pass" in_image "$scratch/lib.so" /bin/dev

expect "the whole file system as a host path" 125 "whole file system" in_image BINARYFS_HOST_PATHS=/ "$scratch/lib.so" /bin/dev
expect "/proc as a host path" 125 "/proc" in_image BINARYFS_HOST_PATHS=/proc/sys "$scratch/lib.so" /bin/dev
expect "a relative volume" 125 "absolute" in_image BINARYFS_VOLUMES=vol=/tmp "$scratch/lib.so" /bin/dev
expect "a host path with .." 125 "absolute" in_image BINARYFS_HOST_PATHS=/tmp/../etc "$scratch/lib.so" /bin/dev

touch "$scratch/log" "$scratch/misses"
chmod 666 "$scratch/log" "$scratch/misses"
in_image BINARYFS_HOST_LOG="$scratch/log" BINARYFS_MISSES="$scratch/misses" "$scratch/lib.so" /bin/hostpath "$scratch/host/file" "$scratch/host/directory" "$scratch/host/missing" "$scratch/host/beside" >/dev/null 2>&1
if grep -qx "$scratch/host/file" "$scratch/log"; then pass; else fail "the host log lacks a host path"; fi
if cut -f1 "$scratch/misses" | grep -qx "$scratch/host/beside"; then pass; else fail "the misses lack what was asked for"; fi
if grep -qx "$scratch/host/beside" "$scratch/log"; then fail "the host log has what was not reachable"; else pass; fi

if binaryfs build "$scratch/root" -o "$scratch/sealed.so" --sealed --volume /vol >"$scratch/build.log" 2>&1; then
	expect "sealed: a declared volume gets its directory" 0 "$all_pass" in_image BINARYFS_VOLUMES="/vol=$scratch/volume" "$scratch/sealed.so" /bin/volume /vol "$scratch/host/beside"
	expect "sealed: no host path is added" 125 "sealed" in_image BINARYFS_HOST_PATHS="$scratch/host/file" "$scratch/sealed.so" /bin/dev
	expect "sealed: no volume is added" 125 "sealed" in_image BINARYFS_VOLUMES="/other=$scratch/volume" "$scratch/sealed.so" /bin/dev
	expect "sealed: another library adds no door" 125 "sealed" in_image SCONE_EXTENSIONS_PATH="$scratch/lib.so" "$scratch/sealed.so" /bin/dev
	expect "sealed: wherever it is listed" 125 "sealed" in_image SCONE_EXTENSIONS_PATH="$scratch/lib.so:$scratch/sealed.so" "$runner" /bin/dev
	binaryfs build "$scratch/root" -o "$scratch/plain.so" >/dev/null || fail "build plain"
	expect "sealed: a library without doors" 0 "$all_pass" in_image SCONE_EXTENSIONS_PATH="$scratch/plain.so" "$scratch/sealed.so" /bin/dev
else
	fail "build --sealed: $(tail -n 3 "$scratch/build.log")"
fi
finish
