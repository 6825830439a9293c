#!/usr/bin/env bash
# No path call reaches an undeclared host file: every number of the kernel's table that takes a path, through four entries, from dynamic and static programs; and every other way that an attacker
# would try (escape/*.c), as root and as a user.
. "$(dirname "$0")/support/lib.sh"

token="planted-$$-$RANDOM"
planted=$scratch/planted
mkdir -p "$planted/dir" "$scratch/root/bin"
chmod 777 "$planted" "$planted/dir"
printf '%s\n' "$token" >"$planted/file"
chmod 666 "$planted/file"
ln -s file "$planted/link"
mkfifo "$planted/fifo"
cat >"$planted/program" <<EOF
#!/bin/sh
echo escaped > $planted/new
EOF
chmod 755 "$planted/program"
# An outsider of the user's own: it listens on a socket, receives datagrams, and has the token in its memory.
as_user python3 -c '
import ctypes, os, signal, socket, sys, threading
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
secret = ctypes.create_string_buffer(sys.argv[2].encode())
stream, datagram = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for one, name in (stream, "socket"), (datagram, "datagram"):
    one.bind(sys.argv[1] + "/" + name)
    os.chmod(sys.argv[1] + "/" + name, 0o777)
stream.listen(5)
print("listening %x %d" % (ctypes.addressof(secret), os.getpid()), flush=True)
def accept():
    stream.accept()
    print("connected", flush=True)
threading.Thread(target=accept, daemon=True).start()
datagram.recv(9)
print("received", flush=True)
threading.Event().wait()' "$planted" "$token" >"$scratch/listener" &
listener=$!
until grep -q listening "$scratch/listener" 2>/dev/null; do kill -0 "$listener" && sleep 0.05 || break; done
read -r _ address outsider <"$scratch/listener"
cleanup_commands+=("kill $outsider 2>/dev/null; wait $listener 2>/dev/null") # what runs in the background is a shell, and this its child

gcc -O1 -static -o "$scratch/root/bin/received" "$here/escape/received.c" || fail "compile received"
gcc -O1 -static -o "$scratch/root/bin/inherited" "$here/escape/inherited.c" || fail "compile inherited"
gcc -O1 -o "$scratch/send" "$here/escape/send_descriptors.c" || fail "compile send_descriptors"
for name in spellings processes entries races hidden lent; do
	gcc -std=gnu11 -O1 -static -o "$scratch/root/bin/$name" "$here/escape/$name.c" -lpthread || fail "compile $name"
done
gcc -O1 -o "$scratch/root/bin/dynamic" "$here/escape/every_path_call.c" || fail "compile"
gcc -O1 -static -o "$scratch/root/bin/static" "$here/escape/every_path_call.c" || fail "compile static"
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu -static -o "$scratch/root/bin/musl" "$here/escape/every_path_call.c" 2>"$scratch/musl.log" || skip "musl variant does not compile: $(head -n 1 "$scratch/musl.log")"
else
	skip "musl-gcc is not installed"
fi
binaryfs build "$scratch/root" -o "$scratch/lib.so" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "build"; finish; }

snapshot() { (cd "$planted" && find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort && cat file); }
cores() { find / -maxdepth 1 -name 'core*' | sort; }
before=$(snapshot)
cores_before=$(cores)
for program in dynamic static musl; do
	[ -x "$scratch/root/bin/$program" ] || continue
	for user in as_user env; do
		if [ "$user" = env ] && [ "$(id -u)" -ne 0 ]; then
			skip "$program as root: not root"
			continue
		fi
		output=$("$user" "$scratch/lib.so" "/bin/$program" "$planted" "$token" 2>&1)
		status=$?
		count=$(printf '%s\n' "$output" | grep -Eo '^[0-9]+ passed, [0-9]+ failed$')
		if [ "$status" -eq 0 ] && [ -n "$count" ]; then
			pass
			printf '%s (%s): %s\n' "$program" "$user" "$(printf '%s\n' "$output" | tail -n 2 | tr '\n' ' ')"
		else
			fail "$program as $user: status $status: $(printf '%s\n' "$output" | grep -v '^$' | tail -n 15)"
		fi
	done
done
# An outsider sends descriptors of the planted directory over a socket.
for user in as_user env; do
	expect "received descriptors ($user)" 0 '^[0-9]+ passed, 0 failed$' "$user" "$scratch/send" "$planted" "$scratch/lib.so" /bin/received "$planted"
done
# Directories as standard input and elsewhere are closed at the start.
expect "an inherited directory" 0 '^[0-9]+ passed, 0 failed$' as_user bash -c 'exec 7<"$1" 0<"$1"; exec "$2" "/bin/inherited"' - "$planted" "$scratch/lib.so"
# Every way an attacker would try: as the user who owns the outsider, and as root.
mkdir -p "$scratch/volume"
chmod 777 "$scratch/volume"
for user in as_user env; do
	for name in spellings processes entries hidden races; do
		rm -rf "$scratch/volume"/*
		expect "$name ($user)" 0 '^[0-9]+ passed, 0 failed$' "$user" env BINARYFS_VOLUMES="/vol=$scratch/volume" "$scratch/lib.so" "/bin/$name" "$planted" "$token" "$outsider" "$address" /vol
	done
	expect "a lent file ($user)" 0 '^[0-9]+ passed, 0 failed$' "$user" env BINARYFS_VOLUMES="/vol=$scratch/volume" bash -c 'exec 7<"$1/file"; exec "$2" /bin/lent /vol "$3"' - "$planted" "$scratch/lib.so" "$token"
done
if [ "$before" = "$(snapshot)" ]; then pass; else fail "the planted files changed: $(snapshot)"; fi
if [ "$cores_before" = "$(cores)" ]; then pass; else fail "a core file lies on the host: $(cores)"; fi
if grep -Eq 'connected|received' "$scratch/listener"; then fail "a program in the image reached the host's socket"; else pass; fi
finish
