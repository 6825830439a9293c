#!/usr/bin/env bash
# Fuzzes what the runtime reads from a library and from programs, for as long as wanted, starting from the corpus and from fresh seeds; keeps what was found.
# Usage: run.sh MINUTES [DIRECTORY]. Needs clang with libclang-rt, mkfs.erofs and a built dist/. One process, lowest priority; DIRECTORY (default: ~/.cache/binaryfs-fuzz) goes on where it was.
# Afterwards, to put what is small and has the same coverage into the repository: run.sh corpus [DIRECTORY]. A crash is a file in DIRECTORY/crash/TARGET; its input joins the corpus.
set -eu
fuzz=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$fuzz/../../.." && pwd)
work=${2:-$HOME/.cache/binaryfs-fuzz}
limit=66000 # bytes of an input
export ASAN_OPTIONS=detect_leaks=0
mkdir -p "$work"
nice "$fuzz/build.sh" "$work/build" fuzz

if [ "$1" = corpus ]; then
	for target in image library elf; do
		kept=$work/kept-$target
		rm -rf "$kept"
		mkdir -p "$kept"
		nice "$work/build/$target" -merge=1 -max_len=20500 -timeout=30 "$kept" "$work/$target" 2>/dev/null
		# What once was a finding stays, and what is one now joins it.
		find "$work/$target" -name 'found-*' -exec cp {} "$kept/" \;
		find "$work/crash/$target" -type f -exec sh -c 'cp "$1" "$2/found-${1##*/}"' - {} "$kept" \;
		tar -C "$kept" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - . | xz -9e >"$fuzz/corpus/$target.tar.xz"
	done
	ls -l "$fuzz/corpus"
	exit
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/binaryfs-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/tree/d/e" "$scratch/tree/many"
echo text >"$scratch/tree/d/e/file"
head -c 9000 "$fuzz/run.sh" >"$scratch/tree/d/big"
ln -s d/e/file "$scratch/tree/link"
for i in $(seq 150); do echo "$i" >"$scratch/tree/many/name-$i"; done
node "$project/dist/bin/main.js" build "$scratch/tree" -o "$scratch/engine.so" --layout compact --host-path /etc/hostname --volume /data=/tmp >/dev/null
"$fuzz/seeds.py" "$scratch/seeds" "$scratch/engine.so"
for target in image library elf; do
	mkdir -p "$work/$target" "$work/crash/$target"
	cp -n "$scratch/seeds/$target"/* "$work/$target/"
	[ ! -e "$fuzz/corpus/$target.tar.xz" ] || tar -C "$work/$target" -xJf "$fuzz/corpus/$target.tar.xz"
done
# In turns of at most four minutes, half of them for images.
end=$(($(date +%s) + $1 * 60)) crashed=0
while [ "$(date +%s)" -lt "$end" ]; do
	for target in image library image elf; do
		turn=$((end - $(date +%s)))
		[ "$turn" -gt 0 ] || break
		[ "$turn" -lt 240 ] || turn=240
		nice -n 19 "$work/build/$target" -max_len=$limit -max_total_time="$turn" -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/crash/$target/" \
			"$work/$target" 2>>"$work/$target.log" || crashed=1
		printf '%s: %s\n' "$target" "$(grep -E '^#[0-9]+' "$work/$target.log" | tail -n 1 | cut -c 1-110)"
	done
done
find "$work/crash" -type f
exit $crashed
