#!/usr/bin/env bash
# Barbican's API, Debian's packages as they are, under uwsgi as Debian starts it: natively, from the image with its SQLite database in the overlay, and on a volume.
# The image is packed as SCONE's documentation packs Barbican: /etc/barbican, the Python tree, the shared libraries by name, resolv.conf and hosts from the host.
. "$(dirname "$0")/../runtime/support/lib.sh"
. "$(dirname "$0")/support/debian.sh"
. "$(dirname "$0")/support/servers.sh"
own=$(dirname "$0")/barbican

server=/usr/bin/uwsgi_python311
plugin=/usr/lib/uwsgi/plugins/python311_plugin.so
templates=/usr/share/barbican-common
ini=/etc/barbican/barbican-api-uwsgi.ini
for file in "$server" "$plugin" "$templates/barbican.conf" "$ini"; do
	if [ ! -r "$file" ]; then
		skip "Barbican: $file cannot be read (packages barbican-api, barbican-common, uwsgi-plugin-python3; /etc/barbican is for root)"
		finish
	fi
done

# configure ROOT PREFIX: Debian's configuration below ROOT, for a server that sees it below PREFIX. What an administrator sets: the database, who may ask
# (everybody: there is no Keystone here), how many processes.
configure() {
	local etc=$1/etc/barbican
	mkdir -p "$etc" "$1/var/lib/barbican" "$1/var/log/barbican"
	sed -e "s,^#sql_connection = .*,sql_connection = sqlite:///$2/var/lib/barbican/barbican.sqlite," "$templates/barbican.conf" >"$etc/barbican.conf"
	sed -e 's,^/v1: .*,/v1: barbican_api,' "$templates/barbican-api-paste.ini" >"$etc/barbican-api-paste.ini"
	# The user is the one who starts it, and the log its output. wsgi-file would load the application a second time, from the host's /etc.
	sed -e "s,config:/etc/,config:$2/etc/," -e "s,/var/,$2/var/,g" -e 's,^processes = .*,processes = 2,' -e 's,^threads = .*,threads = 4,' \
		-e '/^[ug]id = /d' -e '/^logto = /d' -e '/^wsgi-file = /d' "$ini" >"$etc/barbican-api-uwsgi.ini"
}

configure "$scratch/image" ""
configure "$scratch/native" "$scratch/native"
# Natively /etc/barbican is the machine's; oslo.config looks into the home directory first.
mkdir -p "$scratch/native/tmp/.barbican"
ln -s "$scratch/native/etc/barbican/barbican.conf" "$scratch/native/tmp/.barbican/barbican.conf"
# An empty database for each. In the image it is a file like others, and what the server writes to it a copy of its pages.
mkdir "$scratch/volume"
HOME=$scratch /usr/bin/barbican-db-manage -d "sqlite:///$scratch/volume/barbican.sqlite" upgrade >"$scratch/log" 2>&1 || fail "make a database: $(cat "$scratch/log")"
cp "$scratch/volume/barbican.sqlite" "$scratch/native/var/lib/barbican"
cp "$scratch/volume/barbican.sqlite" "$scratch/image/var/lib/barbican"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$scratch/native" "$scratch/volume"

includes=(--include /usr/bin/uwsgi_python311 --include "$plugin" --include '/usr/lib/uwsgi/plugins/python3_plugin.so')
# pytz reads its version and the names of the zones when it is imported; cryptography loads OpenSSL's legacy provider.
includes+=(--include /usr/share/zoneinfo/tzdata.zi --include '/usr/share/zoneinfo/*.tab' --include /usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so)
python_itself
python_packages python3-barbican
extension_modules
libraries "$server" "$plugin"
binaryfs build / -o "$scratch/python.so" "${includes[@]}" --exclude '/usr/lib/python3/dist-packages/*/tests/*' \
	--host-path /etc/resolv.conf --host-path /etc/hosts >"$scratch/log" 2>&1 || fail "pack Barbican: $(cat "$scratch/log")"
echo "image: $(du -m "$scratch/python.so" | cut -f1) MiB"
binaryfs build "$scratch/image" -o "$scratch/config.so" >"$scratch/log" 2>&1 || fail "pack its configuration: $(cat "$scratch/log")"

both_workers() { [ "$(grep -c "WSGI app 0 .* ready in" "$scratch/$1.log")" -eq 2 ]; }

# start KIND: returns once it answers, and tells how long that took.
start() {
	local began=$EPOCHREALTIME command=()
	port=$(free_port)
	case $1 in
	native) command=(HOME="$scratch/native/tmp" "$server" --need-app --http-socket "127.0.0.1:$port" --ini "$scratch/native/etc/barbican/barbican-api-uwsgi.ini") ;;
	volume) command+=(BINARYFS_VOLUMES="/var/lib/barbican=$scratch/volume") ;;&
	overlay | volume)
		command+=(SCONE_EXTENSIONS_PATH="$scratch/config.so:$scratch/python.so" "$runner" "$server" --need-app --http-socket "127.0.0.1:$port" --ini "$ini")
		;;
	esac
	start_server "$1" "${command[@]}"
	if until_ready "$1" /usr/bin/python3 "$own/client.py" "$port" ready; then
		pass
		echo "start, $1: $(seconds_since "$began") s"
		# A worker that is told to stop while it loads the application does not stop.
		until_ready "$1" both_workers "$1"
	else
		fail "$1: the server does not start"
		finish
	fi
}

# stop KIND: the whole tree has gone, and so has what it wrote to the overlay.
stop() {
	stop_server "$1"
	group_goes "$1" && pass || fail "$1: processes stay after SIGTERM"
}

for kind in native overlay volume; do
	start "$kind"
	python3 "$own/client.py" "$port" store >"$scratch/$kind.stored" 2>&1
	stop "$kind"
	start "$kind"
	python3 "$own/client.py" "$port" list >"$scratch/$kind.found" 2>&1
	stop "$kind"
done
expect "natively a secret is stored" 0 'password ACTIVE opaque as stored' cat "$scratch/native.stored"
expect "the overlay's server answers as the native one" 0 '^$' diff "$scratch/native.stored" "$scratch/overlay.stored"
expect "the volume's server answers as the native one" 0 '^$' diff "$scratch/native.stored" "$scratch/volume.stored"
expect "natively the secret outlives a restart" 0 'as stored' cat "$scratch/native.found"
expect "on the volume it does, too" 0 '^$' diff "$scratch/native.found" "$scratch/volume.found"
expect "in the overlay it is gone" 0 '^total 0$' cat "$scratch/overlay.found"
expect "the volume's database is whole" 0 "^\[\('ok',\)\] 1$" /usr/bin/python3 -c "
import sqlite3
database = sqlite3.connect('$scratch/volume/barbican.sqlite')
print(database.execute('pragma integrity_check').fetchall(), *database.execute('select count(*) from secrets').fetchone())"
finish
