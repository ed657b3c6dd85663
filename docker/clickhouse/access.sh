#!/bin/bash
# Brings ClickHouse's users and grants to what users.sql and grants.sql say. Runs beside the server, in the
# same network, where `default` may come from: `access.sh users` before `candor migrate`, `access.sh grants`
# after it.
set -euo pipefail

sql=/etc/candor
secrets=${CANDOR_SECRETS:-/run/secrets}

case ${1-} in
  users)
    clickhouse-client --host 127.0.0.1 --queries-file "$sql/users.sql" \
      --param_migrator="$(<"$secrets/clickhouse_migrator_sha256")" \
      --param_quarantine="$(<"$secrets/clickhouse_quarantine_sha256")" \
      --param_sink="$(<"$secrets/clickhouse_sink_sha256")"
    ;;
  grants)
    clickhouse-client --host 127.0.0.1 --queries-file "$sql/grants.sql" --format TSVRaw |
      clickhouse-client --host 127.0.0.1
    ;;
  *)
    echo "access.sh: users or grants" >&2
    exit 64
    ;;
esac
