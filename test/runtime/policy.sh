#!/usr/bin/env bash
# The section "Policy" of docs/runtime.md, sentence by sentence. A test's name begins with the number of its sentence:
#
#   1  the first program: image, else host; hermetic                     10  several libraries: first wins, directories merge, whiteouts hide
#   2  every later exec: image, overlay, volumes, host paths             11  longest prefix wins; doors win over the image; nested doors
#   3  loader and DT_NEEDED: image, else host, until the entry point     12  links of a volume do not lead out
#   4  in that phase ELF files and the loader's cache alone              13  a volume must exist, a host path may appear later
#   5  constructors under glibc and musl                                 14  /dev, /proc and /tmp
#   6  inherited descriptors                                             15  memory limits and processors as natively
#   7  descriptors of outsiders: escape.sh                               16  terminals
#   8  environment, --env, arguments                                     17  no_new_privs; no core file: escape.sh
#   9  sealed images                                                     18  permissions: ops.sh, as root and as a user
. "$(dirname "$0")/support/lib.sh"

image=$scratch/image
host=$scratch/host
mkdir -p "$image/bin" "$image/lib" "$host"
gcc -O1 -static -o "$image/bin/tool" "$here/policy/tool.c" || fail "compile tool"
cp "$image/bin/tool" "$host/tool"
echo image >"$image/both"
echo text >"$host/text"
chmod -R a+rX "$host"
binaryfs build "$image" -o "$scratch/lib.so" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "build"; finish; }
lib=$scratch/lib.so
in_image() { as_user env "$@"; }

# --- 1, 2: programs ----------------------------------------------------------------------------------------------------------------------------
expect "1 from the image" 0 '^image$' in_image "$lib" /bin/tool cat /both
expect "1 the image's, though the host has one of that name" 0 '^image$' in_image BINARYFS_HERMETIC=1 "$lib" /bin/tool cat /both
expect "1 else from the host" 0 '^image$' in_image "$lib" "$host/tool" cat /both
expect "1 hermetic" 127 'not-found' in_image BINARYFS_HERMETIC=1 "$lib" "$host/tool" cat /both
expect "1 run --hermetic" 127 'not-found' binaryfs run --hermetic "$lib" -- "$host/tool" cat /both
printf '#!%s cat\nscript\n' "$host/tool" >"$host/script"
chmod 755 "$host/script"
expect "1 a script of the host with an interpreter of the host, which finds no file of the host any more" 1 'host/script: No such file' in_image "$lib" "$host/script"
expect "1 a script of the host that passes" 0 '^script$' in_image BINARYFS_HOST_PATHS="$host/script" "$lib" "$host/script"
expect "2 no program of the host" 126 'No such file' in_image "$lib" /bin/tool run "$host/tool" args
expect "2 nor for a program of the host" 126 'No such file' in_image "$lib" "$host/tool" run "$host/tool" args
expect "2 nor as interpreter" 126 'No such file' in_image BINARYFS_HOST_PATHS="$host/script" "$lib" /bin/tool run "$host/script"
expect "2 image" 0 '^\[/bin/tool\]\[args\]\[a b\]\[\]$' in_image "$lib" /bin/tool run /bin/tool args 'a b' ''
expect "2 overlay" 0 '^\[/tmp/copy\]\[args\]$' in_image "$lib" /bin/tool then /bin/tool /tmp/copy args
expect "2 host path" 0 '^\['"$host"'/tool\]\[args\]$' in_image BINARYFS_HOST_PATHS="$host/tool" "$lib" /bin/tool run "$host/tool" args
expect "2 volume" 0 '^\[/v/tool\]\[args\]$' in_image BINARYFS_VOLUMES="/v=$host" "$lib" /bin/tool run /v/tool args

# --- 3, 4, 5: libraries ------------------------------------------------------------------------------------------------------------------------
phases() { # CC: a program, its early library in the image, its needed library on the host
	local cc=$1 root=$scratch/phases-$1 on=$scratch/libraries-$1
	mkdir -p "$root/bin" "$root/imglib" "$on"
	echo 'int needed(void) { return 7; }' | "$cc" -shared -fPIC -o "$on/libneeded.so" -x c - &&
		echo 'int plain;' | "$cc" -shared -fPIC -o "$on/libplain.so" -x c - &&
		"$cc" -shared -fPIC -DELF="\"$on/libplain.so\"" -DTEXT="\"$host/text\"" -o "$root/imglib/libearly.so" "$here/policy/early.c" -ldl &&
		"$cc" -O1 -o "$root/bin/phases" "$here/policy/phases.c" -L"$on" -L"$root/imglib" -Wl,--no-as-needed -Wl,-rpath,"/imglib:$on:\$ORIGIN" -lneeded -learly -ldl -lpthread || fail "compile for $cc"
	binaryfs build "$root" -o "$scratch/phases-$cc.so" >/dev/null || fail "build for $cc"
	chmod -R a+rX "$on"
	as_user env LD_LIBRARY_PATH="$on" "$scratch/phases-$cc.so" /bin/phases "$on/libplain.so" "$host/text" libplain.so >"$scratch/phases" 2>&1 || fail "phases ($cc): $(cat "$scratch/phases")"
}
holds() { if grep -qx -- "$2" "$scratch/phases"; then pass; else fail "$1: no line '$2' in: $(cat "$scratch/phases")"; fi; }
phases gcc
holds "3 a needed library of the host" "needed 7"
holds "4, 5 glibc: constructors come before the entry point, and find ELF files alone" "constructor: elf 1 text 0 dlopen 1"
# The constructor has it loaded already: by its name it is the one that is there.
for phase in main thread child; do holds "3 after the entry point: $phase" "$phase: elf 0 text 0 dlopen [01] name [01]"; done
expect "3 hermetic: not even the loader" 127 'loader|not-found' in_image BINARYFS_HERMETIC=1 "$scratch/phases-gcc.so" /bin/phases a b c
if command -v musl-gcc >/dev/null; then
	phases musl-gcc
	holds "3 a needed library of the host (musl)" "needed 7"
	holds "5 musl: constructors come after the entry point" "constructor: elf 0 text 0 dlopen 0"
	for phase in main thread child; do holds "3 after the entry point (musl): $phase" "$phase: elf 0 text 0 dlopen 0 name 0"; done
else
	skip "5 constructors under musl: musl-gcc is not installed"
fi
# Without the early library's dlopen nothing is loaded already.
mkdir -p "$scratch/quiet/bin" "$scratch/quiet/imglib"
gcc -shared -fPIC -DELF='"/absent"' -DTEXT='"/absent"' -o "$scratch/quiet/imglib/libearly.so" "$here/policy/early.c"
cp "$scratch/phases-gcc/bin/phases" "$scratch/quiet/bin/phases"
binaryfs build "$scratch/quiet" -o "$scratch/quiet.so" >/dev/null || fail "build quiet"
quiet() { as_user env "$@" "$scratch/quiet.so" /bin/phases "$scratch/libraries-gcc/libplain.so" "$host/text" libplain.so >"$scratch/phases" 2>&1; }
for setting in A=b LD_LIBRARY_PATH="$scratch/libraries-gcc" LD_BIND_NOW=1; do
	quiet "$setting"
	for phase in main thread child; do holds "3 dlopen sees only the image ($setting): $phase" "$phase: elf 0 text 0 dlopen 0 name 0"; done
done
quiet LD_PRELOAD="$scratch/libraries-gcc/libplain.so"
holds "3 what the loader itself preloads is the host's to lend" "main: elf 0 text 0 dlopen 1 name 0"
quiet LD_PRELOAD="$host/text"
holds "4 but no text" "main: elf 0 text 0 dlopen 0 name 0"
# With its loader and C library in the image the program takes only the missing one from the host; the image's own comes first.
includes=()
closure "$scratch/quiet/bin/phases"
libc=()
for item in "${includes[@]}"; do case $item in "$scratch"*|--include) ;; *) libc+=(--include "$item") ;; esac; done
binaryfs build / -o "$scratch/libc.so" "${libc[@]}" >/dev/null 2>&1 || fail "build libc"
expect "3 hermetic with a loader: the host's library is absent" 127 'libneeded' in_image BINARYFS_HERMETIC=1 SCONE_EXTENSIONS_PATH="$scratch/quiet.so:$scratch/libc.so" "$runner" /bin/phases a b c
echo 'int needed(void) { return 8; }' | gcc -shared -fPIC -o "$scratch/quiet/imglib/libneeded.so" -x c -
binaryfs build "$scratch/quiet" -o "$scratch/quiet.so" >/dev/null || fail "build quiet again"
quiet A=b
holds "3 the image's library first" "needed 8"
expect "3 hermetic, all in the image" 0 '^needed 8$' in_image BINARYFS_HERMETIC=1 SCONE_EXTENSIONS_PATH="$scratch/quiet.so:$scratch/libc.so" "$runner" /bin/phases a b c

# --- 6, 8: what is inherited -------------------------------------------------------------------------------------------------------------------
expect "6 pipes, sockets, files pass; directories are closed" 0 '^0:char 1:(pipe|file) 2:(pipe|file) 4:file 5:pipe 6:char ([0-9]+:[a-z]+ )*$' as_user bash -c \
	'exec 3<"$1" 4<"$1/text" 5< <(:) 6</dev/null 7<"$1" 8</; exec "$2" /bin/tool fds' - "$host" "$lib"
as_user python3 -c '
import os, socket, sys
ours, theirs = socket.socketpair()
path = os.open(sys.argv[1] + "/text", os.O_PATH)
for fd, at in (theirs.fileno(), 13), (path, 14), (os.open(sys.argv[1], os.O_RDONLY), 15): os.dup2(fd, at)
os.execv(sys.argv[2], [sys.argv[2], "/bin/tool", "fds"])' "$host" "$lib" >"$scratch/fds"
if grep -q '13:socket' "$scratch/fds" && ! grep -qE '1[45]:' "$scratch/fds"; then pass; else fail "6 sockets pass, O_PATH and directories do not: $(cat "$scratch/fds")"; fi
env -i A=1 'B=two words' C= "$lib" /bin/tool env >"$scratch/env" 2>&1
if [ "$(cat "$scratch/env")" = "$(printf 'A=1\nB=two words\nC=')" ]; then pass; else fail "8 the environment is exact: $(cat "$scratch/env")"; fi
expect "8 --env" 0 '^X=a=b c$' binaryfs run --env 'X=a=b c' --env Y= "$lib" -- /bin/tool env
gcc -O1 -o "$host/dynamic" "$here/policy/tool.c" || fail "compile the dynamic tool"
as_user env -i LD_PRELOAD="$lib" MARK=here "$host/dynamic" env >"$scratch/env" 2>&1
if [ "$(cat "$scratch/env")" = MARK=here ]; then pass; else fail "8 LD_PRELOAD loses the library itself: $(cat "$scratch/env")"; fi
expect "8 arguments are exact" 0 '^\[/bin/tool\]\[args\]\[\]\[a b\]\[-x\]\[--\]$' in_image "$lib" /bin/tool args '' 'a b' -x --
expect "8 and in /proc" 0 '^/bin/tool.cat./proc/self/cmdline.$' in_image bash -c '"$0" /bin/tool cat /proc/self/cmdline | tr "\0" .; echo' "$lib"
expect "8 the environment in /proc" 0 '^MARK=here$' in_image bash -c 'MARK=here "$0" /bin/tool cat /proc/self/environ | tr "\0" "\n"' "$lib"

# --- 9: sealed ---------------------------------------------------------------------------------------------------------------------------------
binaryfs build "$image" -o "$scratch/sealed.so" --sealed --host-path "$host/text" >/dev/null || fail "build sealed"
expect "9 sealed: what it declares" 0 '^text$' in_image "$scratch/sealed.so" /bin/tool cat "$host/text"
expect "9 sealed: nothing is added" 125 'sealed' in_image BINARYFS_HOST_PATHS="$host/tool" "$scratch/sealed.so" /bin/tool cat "$host/tool"
expect "9 sealed: run cannot either" 125 'sealed' binaryfs run --volume "/v=$host" "$scratch/sealed.so" -- /bin/tool ls /v

# --- 10: several libraries ---------------------------------------------------------------------------------------------------------------------
mkdir -p "$scratch/upper/dir" "$scratch/lower/dir/sub" "$scratch/lower/gone"
echo upper >"$scratch/upper/dir/same"
echo lower >"$scratch/lower/dir/same"
echo lower >"$scratch/lower/dir/only-lower"
echo hidden >"$scratch/lower/dir/hidden"
echo gone >"$scratch/lower/gone/file"
whiteouts=true
mknod "$scratch/upper/dir/hidden" c 0 0 2>/dev/null && mknod "$scratch/upper/gone" c 0 0 2>/dev/null || whiteouts=false
binaryfs build "$scratch/upper" -o "$scratch/upper.so" --specials keep >/dev/null 2>"$scratch/build.log" || fail "build upper: $(cat "$scratch/build.log")"
binaryfs build "$scratch/lower" -o "$scratch/lower.so" >/dev/null || fail "build lower"
several() { in_image SCONE_EXTENSIONS_PATH="$lib:$1" "$runner" /bin/tool "${@:2}"; }
expect "10 the first listed wins" 0 '^upper$' several "$scratch/upper.so:$scratch/lower.so" cat /dir/same
expect "10 in the other order" 0 '^lower$' several "$scratch/lower.so:$scratch/upper.so" cat /dir/same
if $whiteouts; then
	expect "10 directories merge, whiteouts hide" 0 '^only-lower same sub $' several "$scratch/upper.so:$scratch/lower.so" ls /dir
	expect "10 a whiteout hides a file" 1 'No such file' several "$scratch/upper.so:$scratch/lower.so" cat /dir/hidden
	expect "10 and a directory" 1 'No such file' several "$scratch/upper.so:$scratch/lower.so" cat /gone/file
	expect "10 but nothing above it" 0 '^gone$' several "$scratch/lower.so:$scratch/upper.so" cat /gone/file
else
	skip "10 whiteouts: only root makes device nodes"
fi
expect "10 the library itself comes before those of SCONE_EXTENSIONS_PATH" 0 '^image$' in_image SCONE_EXTENSIONS_PATH="$scratch/upper.so" "$lib" /bin/tool cat /both

# --- 11, 12, 13: doors -------------------------------------------------------------------------------------------------------------------------
mkdir -p "$scratch/a/inner/deep" "$scratch/b/deeper" "$scratch/c" "$scratch/image/srv/inner"
for place in a a/inner a/inner/deep b b/deeper c image/srv image/srv/inner; do echo "$place" >"$scratch/$place/name"; done
chmod -R a+rwX "$scratch/a" "$scratch/b" "$scratch/c"
ln -s ../outside "$scratch/a/up"
ln -s /both "$scratch/a/root"
ln -s "$host/text" "$scratch/a/absolute"
ln -s inner/name "$scratch/a/inside"
ln -s ../../../../../../../../.."$host/text" "$scratch/a/climb"
binaryfs build "$image" -o "$lib" >/dev/null || fail "build again"
doors() { in_image BINARYFS_VOLUMES="$1" BINARYFS_HOST_PATHS="${2:-}" "$lib" /bin/tool "${@:3}"; }
for order in "/srv=$scratch/a:/srv/inner=$scratch/b:/srv/inner/deeper=$scratch/c" "/srv/inner/deeper=$scratch/c:/srv/inner=$scratch/b:/srv=$scratch/a"; do
	expect "11 doors win over the image, the longest prefix wins" 0 '^a b c $' bash -c '"$@" | tr "\n" " "' - env BINARYFS_VOLUMES="$order" "$lib" /bin/tool cat /srv/name /srv/inner/name /srv/inner/deeper/name
	expect "11 upwards out of them" 0 '^a$' doors "$order" "" cat /srv/inner/deeper/../../name
	expect "11 what a door stands on is hidden" 1 'No such file' doors "$order" "" cat /srv/inner/deep/name
	expect "11 a listing has the doors inside" 0 'deeper ' doors "$order" "" ls /srv/inner
	expect "11 a door is not renamed" 1 'busy|cross-device' doors "$order" "" mv /srv/inner /srv/other
	expect "11 nor is anything moved from one into another" 1 'cross-device' doors "$order" "" mv /srv/name /srv/inner/moved
done
expect "11 a host path inside a volume that lacks its directory" 125 'does not exist' doors "$(dirname "$host")=$scratch/a" "$host/text" cat "$host/text"
mkdir "$scratch/a/host"
chmod 755 "$scratch/a/host"
expect "11 a host path inside a volume" 0 '^text$' doors "$(dirname "$host")=$scratch/a" "$host/text" cat "$host/text"
expect "11 a volume inside a host path" 0 '^c$' doors "$scratch/a/inner=$scratch/c" "$scratch/a" cat "$scratch/a/inner/name"
expect "11 and the host path around it" 0 '^a$' doors "$scratch/a/inner=$scratch/c" "$scratch/a" cat "$scratch/a/name"
expect "11 a file as a volume, over the image's file" 0 '^text$' doors "/both=$host/text" "" cat /both
expect "11 a device as a volume" 0 '^char$' doors "/zero=/dev/zero" "" type /zero
expect "11 a device inside a volume" 0 '^char$' doors "/srv=$scratch/a:/srv/null=/dev/null" "" type /srv/null
expect "11 a directory door over an image file" 0 '^c$' doors "/both=$scratch/c" "" cat /both/name
expect "12 a relative link that climbs out" 1 'No such file' doors "/srv=$scratch/a" "" cat /srv/up
expect "12 and from anywhere" 1 'No such file' doors "/srv=$scratch/a" "" cat /srv/climb
expect "12 an absolute link: the program's own root" 0 '^image$' doors "/srv=$scratch/a" "" cat /srv/root
expect "12 not the host's" 1 'No such file' doors "/srv=$scratch/a" "" cat /srv/absolute
expect "12 a link that stays inside" 0 '^a/inner$' doors "/srv=$scratch/a" "" cat /srv/inside
expect "12 written through it" 1 'No such file|Permission' doors "/srv=$scratch/a" "" write /srv/absolute changed
if [ "$(cat "$host/text")" = text ]; then pass; else fail "12 a link of a volume was written through"; fi
expect "13 a volume must exist" 125 'does not exist' doors "/srv=$scratch/absent" "" ls /srv
expect "13 a host path may be absent" 0 '^absent$' doors "" "$scratch/absent" type "$scratch/absent"

# --- 14: /dev, /proc, /tmp ---------------------------------------------------------------------------------------------------------------------
expect "14 /dev" 0 '^fd full null ptmx pts random shm stderr stdin stdout tty urandom zero $' in_image "$lib" /bin/tool ls /dev
expect "14 /tmp" 0 '^dir$' in_image "$lib" /bin/tool type /tmp
shown=$(in_image "$lib" /bin/tool ls /proc | tr ' ' '\n' | grep -c '^[0-9]')
if [ "$shown" -eq 1 ]; then pass; else fail "14 /proc shows $shown processes"; fi
for file in /proc/self/exe /proc/self/cwd /proc/self/root; do expect "14 $file" 0 '^link$' in_image "$lib" /bin/tool type "$file"; done
# --- 15: the machine as natively ---------------------------------------------------------------------------------------------------------------
same() { # FILE FILTER: the same through the image as on the host
	local native image
	native=$(as_user cat "$1" 2>&1 | grep -E -- "$2")
	image=$(in_image "$lib" /bin/tool cat "$1" 2>&1 | grep -E -- "$2")
	if [ "$native" = "$image" ] && [ -n "$native" ]; then pass; else fail "15 $1 differs: $native / $image"; fi
}
same /proc/cpuinfo '^(processor|model name|flags)'
same /proc/meminfo '^(MemTotal|SwapTotal|HugePages_Total)'
same /proc/self/cgroup .
same /proc/self/status '^(Uid|Gid|Groups|Cpus_allowed|Mems_allowed|CapEff|CapBnd):'
same /sys/devices/system/cpu/online .
while read -r file; do same "$file" .; done < <(find -L /sys/fs/cgroup -maxdepth 2 \( -name cgroup.controllers -o -name cpu.cfs_quota_us -o -name memory.limit_in_bytes -o -name cpuset.cpus \) -size -1M 2>/dev/null | head -n 6)
expect "15 nothing else of /sys" 0 '^devices fs kernel $' in_image "$lib" /bin/tool ls /sys

group=
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /nowhere/bin/java)")")")
memory=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
unified=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
for place in "$memory" /sys/fs/cgroup/memory "$unified"; do
	[ -e "$place/memory.limit_in_bytes" ] || [ -e "$place/cgroup.controllers" ] || continue
	mkdir "$place/binaryfs-test-$$" 2>/dev/null || continue
	for limit in memory.limit_in_bytes memory.max; do [ -z "$group" ] && echo 402653184 2>/dev/null >"$place/binaryfs-test-$$/$limit" && group=$place/binaryfs-test-$$; done
	[ -n "$group" ] && break
	rmdir "$place/binaryfs-test-$$"
done
if [ -n "$group" ] && [ -x "$jdk/bin/java" ] && as_user test -r "$jdk/bin/java"; then
	cleanup_commands+=("rmdir '$group'")
	includes=(--include "$jdk" --include '/etc/java-*')
	closure "$jdk/bin/java"
	while read -r library; do closure "$library"; done < <(find "$jdk/lib" -name 'lib[jnvz]*.so')
	binaryfs build / -o "$scratch/java.so" "${includes[@]}" --exclude "$jdk/lib/src.zip" --exclude "$jdk/jmods" >"$scratch/build.log" 2>&1 || fail "build java: $(tail -n 3 "$scratch/build.log")"
	limited() { (echo "$BASHPID" >"$group/cgroup.procs" && as_user "$@" "$jdk/bin/java" -Xlog:os+container=info -XX:+PrintFlagsFinal -XshowSettings:system -version 2>&1 | grep -E 'MaxHeapSize|Memory Limit|Provider|Effective CPU'); }
	native=$(limited env)
	inside=$(limited env "$scratch/java.so")
	if [ -n "$native" ] && [ "$native" = "$inside" ] && grep -qE 'Memory Limit: 384' <<<"$native"; then pass; else fail "15 a JVM's limits: natively $native; in the image $inside"; fi
else
	skip "15 a JVM under a memory limit: no JDK, or no cgroup that may be made here"
fi

# --- 16, 17 ------------------------------------------------------------------------------------------------------------------------------------
expect "16 terminals" 0 'pty own 1 typed' as_user python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], [sys.argv[1], "/bin/tool", "terminal"])
text = b""
try:
    while chunk := os.read(fd, 4096): text += chunk
except OSError: pass
print(text.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$lib"
expect "17 no new privileges" 0 '^1$' in_image "$lib" /bin/tool privileges
finish
