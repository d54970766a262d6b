#!/bin/sh
# npm start: starts the sandbox, also on a machine without installed packages.
set -eu
cd "$(dirname -- "$0")/.."
sh scripts/install-packages.sh production
exec scripts/concordat sandbox "$@"
