#!/bin/sh
# npm test: sets up everything that the gate needs, runs check and every test, and prints the result in one line.
# Arguments are test files: then it runs only these.
set -eu
cd "$(dirname -- "$0")/.."
sh scripts/install-packages.sh full
sh scripts/test/outside-tools.sh

# Servers of Debian's packages (redis-server, postgres) may be outside an ordinary user's PATH, and so may our programs.
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/usr/local/sbin
NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/.work/compile-cache}"
# As scripts/concordat has it: the tests are bundled here, and some of them bundle as well.
MIMALLOC_ALLOW_THP="${MIMALLOC_ALLOW_THP:-0}"
export PATH NODE_COMPILE_CACHE MIMALLOC_ALLOW_THP

# Every test waits for its databases to sync, which costs nothing in memory, and no test needs to survive a power failure.
# Uses memory only if there is enough of it: a run needs up to 5 GB.
gate=.work/gates/$$
made=
if [ -z "${TMPDIR-}" ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print ($4 > 8000000) }')" = 1 ] &&
  [ "$(awk '/^MemAvailable/ { print ($2 > 12000000) }' /proc/meminfo 2>/dev/null)" = 1 ]; then
  TMPDIR=$(mktemp -d /dev/shm/concordat-tests-XXXXXX)
  # PostgreSQL's own user has to get through this folder.
  chmod 711 "$TMPDIR"
  export TMPDIR
  made=$TMPDIR
fi
trap 'rm -rf "$gate" ${made:+"$made"}' EXIT
trap 'exit 130' INT TERM

# Builds the pages once, before parallel tests need them.
node scripts/concordat.ts console
# And the servers as programs of few files: the gate starts hundreds.
. scripts/find-node.sh
root=$(pwd -P)
if [ $# -eq 0 ] && ! built_program "$root" security-server/main.ts >/dev/null; then node scripts/concordat.ts build; fi
# To find Node and whether the programs are current takes longer than Node's own start: all starts of this gate use this answer.
if program=$(built_program "$root" security-server/main.ts); then
  built=${program%/security-server/main.js}
  mkdir -p .work/gates
  printf '%s\n' "${built##*/}" "$(find_node "$root")" >"$gate"
  TEST_GATE=$$
  export TEST_GATE
fi
node scripts/test/gate.ts "$@"
