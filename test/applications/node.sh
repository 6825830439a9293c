#!/usr/bin/env bash
# node from an image with this project's own command line: the library that it builds is, byte for byte, the one that it builds natively; onto the overlay and onto a volume.
# Worker threads and the native addon are at work there.
. "$(dirname "$0")/support/both.sh"

# A tree of a few megabytes: packages of the project itself, and what trees have besides files.
mkdir -p "$cases/tree/bin" "$cases/tree/empty"
cp -r "$project/src" "$project/docs" "$cases/tree"
seq 1 300000 >"$cases/tree/numbers"
printf '#!/bin/sh\n' >"$cases/tree/bin/run"
chmod 755 "$cases/tree/bin/run"
ln "$cases/tree/numbers" "$cases/tree/bin/numbers"
ln -s ../numbers "$cases/tree/bin/link"
truncate -s 5M "$cases/tree/sparse"
cp "$beside/commands.sh" "$beside/watch.sh" "$cases"

# The project as it is installed: dist and the packages that it needs at run time. A checkout may lie where only its owner may go.
mkdir -p "$cases/package/node_modules"
cp -r "$project/dist" "$project/package.json" "$cases/package"
while read -r name; do
	mkdir -p "$(dirname "$cases/package/node_modules/$name")"
	cp -r "$project/node_modules/$name" "$cases/package/node_modules/$name"
done < <(cd "$project" && npm ls --omit=dev --all --parseable 2>/dev/null | sed -n 's|.*/node_modules/||p' | sort -u)
chmod -R a+rX "$cases"

node=$(readlink -f "$(node -p process.execPath)")
includes+=(--include "$node")
closure "$node"
printf '%s\n' "${includes[@]}" | grep -v -e '^--include$' -e "^$scratch" -e ^/etc -e ^/bin | sed 's/^/-i /' >"$cases/self.selection"
closure "$cases/package/dist/native/binaryfs.node"
programs sh bash cat cksum cmp cp env find grep mkdir mv printf rm sed sleep sort tail touch wc || fail "a program is not installed"
library
mkdir "$scratch/volume"
chmod 777 "$scratch/volume"

commands=(bash "$cases/commands.sh" "$node" "$cases/package/dist/bin/main.js" "$cases/tree")
both "in the overlay" "${commands[@]}" made
both "watching" bash "$cases/watch.sh" "$node" "$cases/package/dist/bin/main.js" "$cases/tree"
in_image() { as_user env "${environment[@]}" HOME="$work" TMPDIR="$work" BINARYFS_HERMETIC=1 BINARYFS_VOLUMES="$work/volume=$scratch/volume" "$lib" "$@"; }
mkdir "$work/volume"
chmod 777 "$work/volume"
both "on a volume" "${commands[@]}" "$work/volume/made"
if cmp -s "$work/volume/made.so" "$scratch/volume/made.so"; then pass; else fail "the library on the volume differs from the native one"; fi
expect "a library built in an image runs" 0 '^8$' as_user env BINARYFS_HERMETIC=1 "$scratch/volume/self.so" "$node" -e 'console.log(8)'
finish
