# What gcc needs to compile and link: its programs, start files, libraries and the headers that were named. Sourced after both.sh.

# toolchain LANGUAGE HEADER…: adds gcc's own files to `includes`, and for LANGUAGE (c or c++) the headers with all that they include, at any optimization.
toolchain() {
	local language=$1 machine directory name header
	shift
	programs cc gcc g++ ar as ld nm ranlib || return 1
	machine=$(/usr/bin/gcc -dumpmachine)
	programs "$machine-gcc" "$machine-g++" "$machine-ar" || return 1
	directory=$(dirname "$(/usr/bin/gcc -print-libgcc-file-name)")
	closure "$directory"/{cc1,cc1plus,collect2,lto1,lto-wrapper} "$directory/liblto_plugin.so"
	includes+=(--include "$directory" --include "/usr/lib/$machine/*crt*.o" --include "/usr/lib/$machine/libc_nonshared.a" --include "/usr/lib/bfd-plugins/*")
	for name in libc libm libmvec libstdc++ libgcc_s libpthread libdl; do includes+=(--include "/usr/lib/$machine/$name.*" --include "/usr/lib/$machine/$name-*"); done
	for header in $(printf '#include <%s>\n' "$@" | /usr/bin/gcc -O2 -D_GNU_SOURCE -M -x "$language" - | grep -o '/[^ \\]*'); do includes+=(--include "$(realpath -s "$header")"); done
}
