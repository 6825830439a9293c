#!/usr/bin/env bash
# A Java program of ours that uses what Java offers for files (java/Work.java lists it): it prints the same natively, in the image, and on a volume.
. "$(dirname "$0")/../runtime/support/lib.sh"
. "$(dirname "$0")/support/debian.sh"
. "$(dirname "$0")/support/servers.sh"
own=$(dirname "$0")/java

if [ ! -x /usr/bin/java ] || [ ! -x /usr/bin/javac ]; then
	skip "Java: Debian's JDK is absent (package default-jdk-headless)"
	finish
fi
mkdir -p "$scratch/classes/texts" "$scratch/site"
# The same path in all kinds, for it is in what the program prints: natively it is a directory, in the image an empty one, on the volume the volume.
work=$scratch/site/work
mkdir "$work" "$scratch/volume"
echo 'from the jar' >"$scratch/classes/texts/message.txt"
/usr/bin/javac -d "$scratch/classes" "$own"/*.java && /usr/bin/jar --create --file "$scratch/site/work.jar" --main-class Work -C "$scratch/classes" . || fail "build the jar"
includes=(--include "$scratch/site" --include /usr/bin/env --include /usr/bin/cat --include /usr/lib/locale/C.utf8)
java_itself
libraries /usr/bin/env /usr/bin/cat
binaryfs build / -o "$scratch/java.so" "${includes[@]}" >"$scratch/log" 2>&1 || fail "pack Java: $(cat "$scratch/log")"
echo "image: $(du -m "$scratch/java.so" | cut -f1) MiB"

[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$work" "$scratch/volume"
parts=(jrt resources attributes links moves temporary map locks threads processes zip watch)
# The file system of $TMPDIR may have no extended attributes to compare with.
setfattr -n user.test -v yes "$scratch/site" 2>/dev/null && parts+=(extended)
run=(LC_ALL=C.UTF-8 /usr/bin/java -Xmx512m -jar "$scratch/site/work.jar" "$work" "${parts[@]}")
for kind in native overlay volume; do
	case $kind in
	native) launch=() ;;
	overlay) launch=(SCONE_EXTENSIONS_PATH="$scratch/java.so" "$runner") ;;
	volume) launch=(SCONE_EXTENSIONS_PATH="$scratch/java.so" BINARYFS_VOLUMES="$work=$scratch/volume" "$runner") ;;
	esac
	began=$EPOCHREALTIME
	as_user "${launch[@]}" env "${run[@]}" >"$scratch/$kind.out" 2>&1 </dev/null && pass || fail "$kind: status $?: $(tail -n 5 "$scratch/$kind.out")"
	echo "$kind: $(seconds_since "$began") s"
done
for part in "${parts[@]}"; do expect "natively" 0 "^\\[$part\\]$" cat "$scratch/native.out"; done
expect "in the overlay as natively" 0 '^$' diff "$scratch/native.out" "$scratch/overlay.out"
expect "on the volume as natively" 0 '^$' diff "$scratch/native.out" "$scratch/volume.out"
expect "the volume holds what was written" 0 '^2000$' grep -c '' "$scratch/volume/threads/common"
finish
