# nginx with two workers: files by sendfile, through a proxy and its cache, uploads; logs are moved away, the configuration is read again, a worker is killed.
PATH=$PATH:/usr/sbin
mkdir html logs temporary
for i in 1 2 3; do head -c $((i * 300000)) /dev/zero | tr '\0' "$i" >"html/file$i"; done
echo "first" >html/index.html
cat >nginx.conf <<CONF
pid $PWD/nginx.pid;
worker_processes 2;
error_log $PWD/logs/error.log notice;
events { worker_connections 64; }
http {
  access_log $PWD/logs/access.log;
  sendfile on;
  gzip on;
  gzip_types *;
  open_file_cache max=100;
  client_body_temp_path $PWD/temporary/body;
  proxy_temp_path $PWD/temporary/proxy;
  fastcgi_temp_path $PWD/temporary/fastcgi;
  uwsgi_temp_path $PWD/temporary/uwsgi;
  scgi_temp_path $PWD/temporary/scgi;
  proxy_cache_path $PWD/temporary/cache keys_zone=cache:1m;
  server {
    listen unix:$PWD/front;
    root $PWD/html;
    location /through/ { proxy_pass http://unix:$PWD/back:/; proxy_cache cache; proxy_cache_valid 200 10m; }
    location /put/ { dav_methods PUT DELETE MOVE; create_full_put_path on; }
  }
  server { listen unix:$PWD/back; root $PWD/html; }
}
CONF
get() { curl -sS --unix-socket front "http://host$1" "${@:2}"; }
workers() { pgrep -P "$(cat nginx.pid)" -f 'worker process$'; }
# There are COUNT workers, and process GONE is none of them.
until_workers() { until [ "$(workers | wc -l)" -eq "$1" ] && ! workers | grep -qx "$2"; do sleep 0.05; done; }

echo "== files"
nginx -c "$PWD/nginx.conf" -e "$PWD/logs/start.log" && echo "started" || exit
for path in / /file1 /file2 /through/file3 /through/file3 /absent; do get "$path" | sha256sum; done
get /file3 -r 1000-2000 | wc -c
get /file3 -H 'Accept-Encoding: gzip' | gunzip | sha256sum
get /put/a/b -T html/file2 -w '%{http_code}\n'
get /put/a/b -X MOVE -H 'Destination: http://host/put/a/c' -w '%{http_code}\n'
get /put/a/c | cmp - html/file2 && ls html/put/a
for i in {1..20}; do get /file2 | sha256sum & done | sort | uniq -c

echo "== logs"
mv logs/access.log logs/old.log
kill -USR1 "$(cat nginx.pid)"
until [ -e logs/access.log ] && get / >/dev/null && [ -s logs/access.log ]; do sleep 0.05; done
grep -c 'GET /file2' logs/old.log

echo "== another configuration"
old=$(workers | head -n 1)
sed -i 's/worker_processes 2/worker_processes 3/' nginx.conf
kill -HUP "$(cat nginx.pid)"
until_workers 3 "$old"
get /file1 | wc -c

echo "== a worker is killed"
old=$(workers | head -n 1)
kill -KILL "$old"
until_workers 3 "$old"
get /file3 | wc -c
kill -QUIT "$(cat nginx.pid)"
while [ -e nginx.pid ]; do sleep 0.05; done
grep -c 'exited on signal 9' logs/error.log
