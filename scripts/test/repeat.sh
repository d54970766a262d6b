#!/bin/sh
# sh scripts/test/repeat.sh TIMES [--busy LOOPS] [FILE...]: runs the gate, or the named test files, TIMES times and prints each result.
# Meanwhile LOOPS loops keep a processor busy each. It stops at the first run that fails, and then ends the loops.
set -eu
cd "$(dirname -- "$0")/../.."
times=${1:?"usage: repeat.sh TIMES [--busy LOOPS] [FILE...]"}
shift
loops=0
if [ "${1-}" = --busy ]; then
  loops=$2
  shift 2
fi

pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || true; done' EXIT
trap 'exit 130' INT TERM
while [ "$loops" -gt 0 ]; do
  # Each ends after six hours at the latest, even if this script was killed.
  timeout 21600 sh -c 'while :; do :; done' &
  pids="$pids $!"
  loops=$((loops - 1))
done

run=1
while [ "$run" -le "$times" ]; do
  began=$(date +%s)
  if sh scripts/test.sh "$@"; then result=green; else result=red; fi
  echo "Run $run of $times: $result after $(($(date +%s) - began)) s"
  [ "$result" = green ] || exit 1
  run=$((run + 1))
done
