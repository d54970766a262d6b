#!/bin/sh
# npm test: everything that the gate needs is set up, then check, then every test, then one line that says how it went.
set -eu
cd "$(dirname -- "$0")/.."
sh scripts/install-packages.sh full
PATH=$PWD/node_modules/.bin:$PATH
export PATH
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/.work/compile-cache}"
sh scripts/test/outside-tools.sh

# tap makes its test class at the first run but still uses the old one in that run: built once after each install.
built=node_modules/.concordat-tap-built
if ! [ -f "$built" ] || [ node_modules/.package-lock.json -nt "$built" ]; then
  mkdir -p .work
  tap build >.work/tap-build.txt 2>&1 || { cat .work/tap-build.txt >&2; exit 1; }
  touch "$built"
fi
exec node scripts/test/gate.ts "$@"
