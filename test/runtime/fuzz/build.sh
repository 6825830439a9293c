#!/usr/bin/env bash
# Builds the fuzz targets. Usage: build.sh OUTPUT replay|fuzz: OUTPUT/{image,library,elf}, with gcc as programs that replay a directory, or with clang for libFuzzer.
set -eu
fuzz=$(cd "$(dirname "$0")" && pwd)
runtime=$fuzz/../../../src/runtime
output=$1 kind=$2
objects=$output/objects
sanitize="-fno-sanitize-recover=undefined -fsanitize=address,undefined"
case $kind in
replay) cc=gcc flags=$sanitize link=$sanitize driver=replay ;;
fuzz) cc=clang flags=$sanitize,fuzzer-no-link link=$sanitize,fuzzer driver=counts ;;
*) exit 2 ;;
esac
. "$fuzz/../support/core.sh"
harness="core_host pool_check"
drivers="file mutate_image target_image target_library target_elf"
[ $driver = counts ] || drivers="$drivers $driver"

compile() { # SOURCE OPTIONS…
	local source=$1
	shift
	$cc -g -O1 -Wall -Wextra -fno-omit-frame-pointer $flags -I"$runtime/include" "$@" -c "$source" -o "$objects/$(basename "$source" .c).o"
}
link() { # TARGET OBJECT…
	local target=$1 names=()
	shift
	for name in "$@" "target_$target" file $driver; do names+=("$objects/$name.o"); done
	$cc $link "${names[@]}" -o "$output/$target"
}
mkdir -p "$objects"
for name in $core library sections elf_load; do compile "$runtime/src/$name.c" -std=c11 -ffreestanding; done
for name in $harness; do compile "$fuzz/../harness/$name.c" -std=gnu11 -I"$fuzz/../harness"; done
for name in $drivers; do compile "$fuzz/$name.c" -std=gnu11 -I"$fuzz/../harness"; done
[ $driver != counts ] || printf 'int test_passed, test_failed;\n' | $cc -x c -c - -o "$objects/counts.o"
link image $core $harness mutate_image
link library $core $harness mutate_image library sections
link elf elf_load zero_out
