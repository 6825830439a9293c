# redis writes each command to its log and, in a child process, the whole of its memory; after kill -9 everything is there.
cat >redis.conf <<CONF
port 0
unixsocket $PWD/redis.sock
dir $PWD
appendonly yes
appendfsync always
save 3600 1
daemonize yes
pidfile $PWD/redis.pid
logfile $PWD/redis.log
enable-debug-command local
CONF
ask() { redis-cli -s redis.sock "$@"; }
until_answer() { until ask "$1" "${@:3}" 2>/dev/null | grep -q "$2"; do sleep 0.05; done; }

echo "== work"
redis-server "$PWD/redis.conf" || exit
until_answer ping PONG
for i in {1..200}; do printf 'SET key%d value%d\nRPUSH list %d\n' "$i" "$i" "$i"; done | ask | sort | uniq -c | sort -n | tail -n 1
ask debug populate 5000 filler 100
redis-benchmark -s redis.sock -n 1000 -c 20 -t set,get,lpush -q >/dev/null && echo "benchmark done"

echo "== children"
ask bgsave
until_answer info rdb_bgsave_in_progress:0 persistence
ask bgrewriteaof
until_answer info aof_rewrite_in_progress:0 persistence
ask info persistence | grep -E '_status' | tr -d '\r'
redis-check-rdb dump.rdb | tail -n 1 | cut -d ' ' -f 2-4
ls . appendonlydir

echo "== killed"
ask dbsize
ask debug digest >digest
kill -KILL "$(cat redis.pid)"
while ask ping >/dev/null 2>&1; do sleep 0.05; done
redis-check-aof appendonlydir/appendonly.aof.manifest | tail -n 1
redis-server "$PWD/redis.conf" || exit
until_answer ping PONG
ask debug digest | cmp - digest && echo "nothing is lost"
ask get key7
ask shutdown
ls redis.pid redis.sock 2>&1 | sed 's/.*: //'
