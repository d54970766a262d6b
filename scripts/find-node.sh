# Functions for the other scripts, which run before Node 26 is installed.

# Prints the path of a Node of at least version 26: the package's, or else the machine's own. Fails when there is none.
find_node() {
  for candidate in "$1/node_modules/.bin/node" "$(command -v node || true)"; do
    [ -x "$candidate" ] || continue
    major=$("$candidate" --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    if [ "${major:-0}" -ge 26 ]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# Whether npm can install Node 26 on this machine.
node_package_fits() {
  [ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ]
}
