#!/usr/bin/env bash
# Every call that takes a path, with every spelling (slashes and dots behind it) of a name of every kind: the overlay and a volume answer what the kernel's file systems do.
. "$(dirname "$0")/support/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/tmp" "$scratch/volume"
gcc -O1 -static -Wno-unused-result -o "$scratch/root/bin/table" "$here/spellings/table.c" || fail "compile"
chmod 1777 "$scratch/root/tmp" "$scratch/volume"
binaryfs build "$scratch/root" -o "$scratch/table.so" --volume /volume >/dev/null || fail "build"
native=$(mktemp -d /dev/shm/binaryfs-spellings.XXXXXX 2>/dev/null) || native=$(mktemp -d "$scratch/native.XXXXXX")
cleanup_commands+=("remove '$native'")
chmod 1777 "$native"

# compare WHO WHERE COMMAND…: as many lines, and the same, as natively.
compare() {
	local who=$1 where=$2 differ
	shift 2
	"$@" >"$scratch/there" 2>&1 </dev/null || fail "$who $where: $(tail -n 3 "$scratch/there")"
	differ=$(diff "$scratch/natively" "$scratch/there" | grep -c '^>')
	if cmp -s "$scratch/natively" "$scratch/there"; then pass; else fail "$who $where: $differ answers differ: $(diff "$scratch/natively" "$scratch/there" | head -n 6)"; fi
}

everywhere() {
	local who=$1
	shift
	"$@" "$scratch/root/bin/table" "$native" >"$scratch/natively" 2>&1 || fail "$who natively"
	echo "$who: $(wc -l <"$scratch/natively") answers"
	if [ "$(wc -l <"$scratch/natively")" -gt 5000 ]; then pass; else fail "$who natively: $(tail -n 3 "$scratch/natively")"; fi
	compare "$who" overlay "$@" "$scratch/table.so" /bin/table /tmp
	compare "$who" volume "$@" env BINARYFS_VOLUMES="/volume=$scratch/volume" "$scratch/table.so" /bin/table /volume
}

[ "$(id -u)" -ne 0 ] || everywhere root env
everywhere user as_user
finish
