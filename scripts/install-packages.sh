#!/bin/sh
# Usage: install-packages.sh production|full. Installs exactly the packages in package-lock.json, if they are not installed yet.
# A full installation is good for production too, so it is never replaced by a smaller one.
set -eu
cd "$(dirname -- "$0")/.."
wanted=$1
stamp=node_modules/.concordat-lock
lock=$(cksum <package-lock.json)

. scripts/find-node.sh
if ! node_package_fits && ! find_node "$PWD" >/dev/null; then
  echo "Node 26 is missing: install Node 26 or newer (npm brings it only to Linux on x64)." >&2
  exit 1
fi

has=none
if [ -f "$stamp" ]; then
  [ "$(sed -n 2p "$stamp")" = "$lock" ] && has=$(sed -n 1p "$stamp")
elif [ node_modules/.package-lock.json -nt package-lock.json ]; then
  # Somebody has run npm by hand since the last change of the lock file.
  if [ -d node_modules/tap ]; then has=full; else has=production; fi
fi
[ "$has" = full ] && exit 0
[ "$has" = "$wanted" ] && exit 0

# An outdated full installation is replaced by a full one.
[ -d node_modules/tap ] && wanted=full
if ! command -v npm >/dev/null; then
  echo "npm is missing: install Node with npm." >&2
  exit 1
fi
if [ "$wanted" = full ]; then omit=; else omit=--omit=dev; fi
echo "Installing packages ($wanted) ..."
# shellcheck disable=SC2086 # empty means no option
if ! npm ci $omit --no-audit --no-fund --no-progress --loglevel=error; then
  echo "Packages could not be installed: npm needs its registry or a filled cache, and a folder that it may write." >&2
  exit 1
fi
printf '%s\n%s\n' "$wanted" "$lock" >"$stamp"
