#!/usr/bin/env bash
# Servers of many processes, Debian's packages as they are, natively and in an image: PostgreSQL, redis and nginx do their work, are told to reload, are killed and start again.
. "$(dirname "$0")/support/both.sh"
postgresql=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
for program in "$postgresql/postgres" /usr/bin/redis-server /usr/bin/redis-cli /usr/sbin/nginx /usr/bin/curl; do
	if [ ! -x "$program" ]; then
		skip "$program is absent (packages postgresql, redis-server, nginx, curl)"
		finish
	fi
done
cp "$beside"/*.sh "$cases"
programs sh bash cat cmp curl cut grep gunzip gzip head ls md5sum mkdir mv pgrep rm sed sha256sum sleep sort tail timeout tr uniq wc redis-server redis-cli redis-check-aof redis-check-rdb redis-benchmark nginx ||
	fail "a program is not installed"
version=$(basename "$(dirname "$postgresql")")
for program in initdb pg_controldata pg_ctl pg_dump pgbench postgres psql; do closure "$postgresql/$program"; done
closure "/usr/lib/postgresql/$version/lib"/{plpgsql,dict_snowball,libpqwalreceiver}.so
library --include "/usr/share/postgresql/$version" --include /usr/share/postgresql-common/pg_wrapper --include /usr/share/zoneinfo --include /etc/nginx/mime.types
both "postgresql" timeout 900 bash "$cases/postgresql.sh" "$postgresql"
both "redis" timeout 900 bash "$cases/redis.sh"
both "nginx" timeout 900 bash "$cases/nginx.sh"
finish
