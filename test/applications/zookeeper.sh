#!/usr/bin/env bash
# ZooKeeper, Debian's package as it is, on the JDK: natively, from the image with its data in the overlay, and on a volume. Debian's own scripts start it, under
# the image's bash. It stands in for Kafka, which no package repository at hand has: the same kind of server (a log on disk, NIO sockets, many threads), and its companion.
. "$(dirname "$0")/../runtime/support/lib.sh"
. "$(dirname "$0")/support/debian.sh"
. "$(dirname "$0")/support/servers.sh"
own=$(dirname "$0")/zookeeper

scripts=/usr/share/zookeeper/bin
for file in "$scripts/zkServer.sh" /usr/share/java/zookeeper.jar /usr/bin/java /usr/bin/javac; do
	if [ ! -r "$file" ]; then
		skip "ZooKeeper: $file is absent (packages zookeeper, default-jdk-headless)"
		finish
	fi
done

# The same paths in all kinds, so that the command is the same: what differs is the file system that the process has. The configuration comes by host path.
site=$scratch/site
data=$site/data
mkdir -p "$site/classes" "$data" "$scratch/volume"
/usr/bin/javac -cp /usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar -d "$site/classes" "$own/Client.java" || fail "compile the client"
includes=(--include "$site" --include "$scripts" --include "$scripts/zkEnv.sh" --include /etc/zookeeper/conf)
java_itself
jars /usr/share/java/zookeeper.jar
for tool in bash env grep sed dirname mkdir; do includes+=(--include "/usr/bin/$tool"); done
libraries /usr/bin/{bash,env,grep,sed,dirname,mkdir}
binaryfs build / -o "$scratch/zookeeper.so" "${includes[@]}" --host-path "$scratch/zoo.cfg" >"$scratch/log" 2>&1 || fail "pack ZooKeeper: $(cat "$scratch/log")"
echo "image: $(du -m "$scratch/zookeeper.so" | cut -f1) MiB"
[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$data" "$scratch/volume"

# in_kind KIND: sets `launch` to what starts a program as a process of that kind.
in_kind() {
	case $1 in
	native) launch=() ;;
	overlay) launch=("$scratch/zookeeper.so") ;;
	volume) launch=(BINARYFS_VOLUMES="$data=$scratch/volume" "$scratch/zookeeper.so") ;;
	esac
}

listens() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# start KIND: returns once it takes connections, and tells how long that took.
start() {
	local began launch
	in_kind "$1"
	port=$(free_port)
	sed -e "s,^dataDir=.*,dataDir=$data," -e "s,^clientPort=.*,clientPort=$port\nclientPortAddress=127.0.0.1\nadmin.enableServer=false," \
		/etc/zookeeper/conf/zoo.cfg >"$scratch/zoo.cfg"
	began=$EPOCHREALTIME
	start_server "$1" "${launch[@]}" /usr/bin/bash "$scripts/zkServer.sh" start-foreground "$scratch/zoo.cfg"
	if until_ready "$1" listens; then
		pass
		echo "start, $1: $(seconds_since "$began") s"
	else
		fail "$1: the server does not start"
		finish
	fi
}

# client KIND ACTION: from the image as the server is.
client() {
	local launch
	in_kind "$1"
	as_user "${launch[@]}" /usr/bin/java -cp "$site/classes:/usr/share/java/zookeeper.jar" Client "$port" "$2" 2>"$scratch/log" || cat "$scratch/log"
}

# command_line KIND: Debian's own client, which reads its commands from a pipe.
command_line() {
	local launch
	in_kind "$1"
	printf 'get /app\nls /app\n' | as_user "${launch[@]}" /usr/bin/bash "$scripts/zkCli.sh" -server "127.0.0.1:$port" 2>&1 | grep -E '^(second|\[s-)'
}

stop() {
	stop_server "$1"
	group_goes "$1" && pass || fail "$1: processes stay after SIGTERM"
}

for kind in native overlay volume; do
	start "$kind"
	client "$kind" store >"$scratch/$kind.stored"
	[ "$kind" = volume ] || command_line "$kind" >"$scratch/$kind.shown"
	stop "$kind"
	start "$kind"
	client "$kind" list >"$scratch/$kind.found"
	stop "$kind"
done
expect "natively nodes are created, watched and read" 0 '^many: 200, right 200$' cat "$scratch/native.stored"
expect "in the overlay as natively" 0 '^$' diff "$scratch/native.stored" "$scratch/overlay.stored"
expect "on the volume as natively" 0 '^$' diff "$scratch/native.stored" "$scratch/volume.stored"
expect "zkCli natively" 0 '^second$' cat "$scratch/native.shown"
expect "zkCli from the image as natively" 0 '^$' diff "$scratch/native.shown" "$scratch/overlay.shown"
expect "natively nodes outlive a restart" 0 '^many: 200, right 200$' cat "$scratch/native.found"
expect "on the volume they do, too" 0 '^$' diff "$scratch/native.found" "$scratch/volume.found"
expect "in the overlay they are gone" 0 '^nodes: \[zookeeper\]$' cat "$scratch/overlay.found"
expect "the volume holds a log of transactions" 0 'version-2/log\.' find "$scratch/volume"
finish
