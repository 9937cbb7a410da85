#!/bin/sh
# A volume that is empty becomes a cluster with the user, the password and the database that the environment names.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    (umask 077 && printf %s "${POSTGRES_PASSWORD:?is not set}" > /tmp/password)
    # shellcheck disable=SC2086  # several options
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    pg_ctl --wait --options="-c listen_addresses=''" start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --wait --mode=fast stop
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c listen_addresses='*'
