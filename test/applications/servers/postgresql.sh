# A cluster of PostgreSQL: made, filled, used by several clients at once, stopped; a backend and then the whole server killed; nothing is lost.
programs=$1
PATH=$PATH:$programs
export PGHOST=$PWD PGUSER=tester PGDATABASE=postgres PGOPTIONS='--client-min-messages=warning'
ask() { psql -XAtc "$@"; }
until_done() { until "$@" >/dev/null 2>&1; do sleep 0.05; done; }
start() { pg_ctl -D data -w -t 120 -l log start >/dev/null; }

echo "== make"
initdb -D data -U tester --no-locale -E UTF8 --auth=trust >made 2>&1 || cat made
cat >>data/postgresql.conf <<CONF
unix_socket_directories = '$PWD'
listen_addresses = ''
shared_buffers = 16MB
max_wal_size = 64MB
CONF
start && echo "started" || exit

echo "== work"
ask "create table t as select i, md5(i::text) m from generate_series(1, 20000) i" -c "create index on t (m)" -c "select count(*), sum(i) from t where m like 'a%'"
ask "set work_mem = '64kB'" -c "select count(*) from (select * from t a join t b using (m) order by a.i desc) sorted_on_disk"
ask "set max_parallel_workers_per_gather = 2; set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; set parallel_tuple_cost = 0" -c "select count(*), max(m) from t"
mkdir space
ask "create tablespace elsewhere location '$PWD/space'" -c "create table there tablespace elsewhere as select * from t" -c "select count(*) from there"
ask "create database second template template0" -c "select datname from pg_database order by 1"
pgbench -i -s 1 -q >filled 2>&1 || cat filled
pgbench -c 4 -j 2 -t 100 2>&1 | grep processed
ask "select sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts"
pg_dump -t t | grep -vE '^(--|.(un)?restrict )' | md5sum

echo "== restart"
pg_ctl -D data -m fast -w stop >/dev/null && pg_controldata data | grep 'cluster state'
start && ask "select count(*) from there"

echo "== a backend is killed"
ask "insert into t select i, 'kept' from generate_series(1, 1000) i"
psql -XAtc "select pg_sleep(1000)" >/dev/null 2>&1 &
client=$!
sleeper="select pid from pg_stat_activity where query = 'select pg_sleep(1000)' and wait_event = 'PgSleep'"
until backend=$(ask "$sleeper") && [ -n "$backend" ]; do sleep 0.05; done
kill -KILL "$backend"
wait $client
echo "its client: $?"
until_done ask "select 1"
ask "select count(*) from t"

echo "== the server is killed"
mapfile -t members < <(pgrep -P "$(head -n 1 data/postmaster.pid)")
kill -KILL "$(head -n 1 data/postmaster.pid)" "${members[@]}"
until_done start
ask "select count(*) from t" -c "select count(*) from pgbench_history"
pg_ctl -D data -m immediate -w stop >/dev/null && echo "stopped"
grep -c 'database system was not properly shut down' log
