#!/bin/sh
# npm test: everything that the gate needs is set up, then check and every test, then one line that says how it went.
# Arguments are test files: then only these run.
set -eu
cd "$(dirname -- "$0")/.."
sh scripts/install-packages.sh full
sh scripts/test/outside-tools.sh

# Servers of Debian's packages (redis-server, postgres) and ours may lie outside an ordinary user's PATH.
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/usr/local/sbin
NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/.work/compile-cache}"
export PATH NODE_COMPILE_CACHE

# Every test waits for its databases' syncs, which in memory cost nothing: no test cuts the power. Where there is room; the
# largest needs 5 GB.
if [ -z "${TMPDIR-}" ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print ($4 > 8000000) }')" = 1 ] &&
  [ "$(awk '/^MemAvailable/ { print ($2 > 12000000) }' /proc/meminfo 2>/dev/null)" = 1 ]; then
  TMPDIR=$(mktemp -d /dev/shm/concordat-tests-XXXXXX)
  # PostgreSQL's own user comes through.
  chmod 711 "$TMPDIR"
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
  trap 'exit 130' INT TERM
fi

# Once, before tests that run side by side want it.
node scripts/concordat.ts console
node scripts/test/gate.ts "$@"
