#!/bin/sh
# npm start: the sandbox, on a machine that may have nothing installed yet.
set -eu
cd "$(dirname -- "$0")/.."
sh scripts/install-packages.sh production
exec scripts/concordat sandbox "$@"
