#!/usr/bin/env bash
# No path call reaches an undeclared host file: every number of the kernel's table that takes a path, through four entries, from dynamic and static programs, as root and as a user.
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
python3 -c '
import socket, sys, os
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); os.chmod(sys.argv[1], 0o777)
print("listening", flush=True)
s.accept(); print("connected", flush=True)' "$planted/socket" >"$scratch/listener" &
listener=$!
cleanup_commands+=("kill $listener 2>/dev/null; wait $listener 2>/dev/null")
until grep -q listening "$scratch/listener" 2>/dev/null; do sleep 0.05; done

gcc -O1 -static -o "$scratch/root/bin/received" "$here/escape/received.c" || fail "compile received"
gcc -O1 -static -o "$scratch/root/bin/inherited" "$here/escape/inherited.c" || fail "compile inherited"
gcc -O1 -o "$scratch/send" "$here/escape/send_descriptors.c" || fail "compile send_descriptors"
gcc -O1 -o "$scratch/root/bin/dynamic" "$here/escape/every_path_call.c" || fail "compile"
gcc -O1 -static -o "$scratch/root/bin/static" "$here/escape/every_path_call.c" || fail "compile static"
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu -static -o "$scratch/root/bin/musl" "$here/escape/every_path_call.c" 2>"$scratch/musl.log" || skip "musl variant does not compile: $(head -n 1 "$scratch/musl.log")"
else
	skip "musl-gcc is not installed"
fi
binaryfs build "$scratch/root" -o "$scratch/lib.so" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "build"; finish; }

snapshot() { (cd "$planted" && find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort && cat file); }
before=$(snapshot)
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
if [ "$before" = "$(snapshot)" ]; then pass; else fail "the planted files changed: $(snapshot)"; fi
if grep -q connected "$scratch/listener"; then fail "a program in the image connected to the host's socket"; else pass; fi
finish
