# node watch.sh's work: NODE MAIN TREE: edits below a watched tree are published, here where inotify is the image's.
node=$1 main=$2 tree=$3
cp -r "$tree" watched
: >events
"$node" "$main" watch watched -o watched.so --json >events 2>&1 &
watcher=$!
built() { # COUNT: waits for so many publications
	SECONDS=0
	until [ "$(grep -cE '"event":"(ready|published)"' events)" -ge "$1" ]; do
		if ! kill -0 $watcher 2>/dev/null || [ $SECONDS -gt 600 ]; then cat events; break; fi
		sleep 0.05
	done
}
built 1
echo edited >>watched/numbers
built 2
mkdir watched/new
echo new >watched/new/file
mv watched/bin/run watched/bin/moved
SECONDS=0
until [ $SECONDS -gt 600 ] || "$node" "$main" ls watched.so | grep -qx '/bin/moved' && "$node" "$main" ls watched.so | grep -qx '/new/file'; do sleep 0.05; done
kill -INT $watcher
wait $watcher
echo "ended $?"
"$node" "$main" verify watched.so >/dev/null; echo "verified $?"
"$node" "$main" cat watched.so /numbers | tail -n 1
"$node" "$main" build watched -o again.so --no-state >/dev/null 2>&1
if cmp watched.so again.so; then echo "as a build makes it"; fi
