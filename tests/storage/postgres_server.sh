#!/bin/sh
# Starts or stops a private PostgreSQL server: a new cluster in a folder of its own, Unix socket only.
#
# usage: postgres_server.sh start FILE    writes the socket's folder and the port into FILE; one that FILE names ends
#        postgres_server.sh stop FILE     stops it and removes the cluster and FILE
# Exit code 77: no server is installed.
set -e
port=54329

for folder in /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)"; do
  if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then binaries=$folder; fi
done
[ -n "$binaries" ] || { echo "no PostgreSQL server is installed" >&2; exit 77; }

# The server refuses to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

case $1 in
  start)
    "$0" stop "$2"
    cluster=$(mktemp -d /tmp/lathe_pg_XXXXXX)  # short: a socket's path has at most 107 bytes
    [ "$(id -u)" != 0 ] || chown postgres "$cluster"
    chmod 755 "$cluster"
    cd "$cluster"
    as_server "$binaries/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
    as_server "$binaries/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w \
      -o "-c listen_addresses='' -c unix_socket_directories='$cluster' -p $port -c max_connections=200 -c fsync=off \
        ${LATHE_POSTGRES_OPTIONS:-}" start >/dev/null
    echo "$cluster $port" > "$2"
    ;;
  stop)
    [ -f "$2" ] || exit 0
    read -r cluster port < "$2"
    cd /tmp
    as_server "$binaries/pg_ctl" -D "$cluster/data" -m immediate -w stop >/dev/null || true
    rm -rf "$cluster" "$2"
    ;;
  *)
    echo "usage: postgres_server.sh start|stop FILE" >&2
    exit 2
    ;;
esac
