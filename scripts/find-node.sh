# Functions for the other scripts that need no Node.

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

# Prints a checksum over name, size and time of every file below the root "$1" that a server may consist of.
sources_of() {
  # shellcheck disable=SC2086 # a list of names
  list=$(cd "$1" && find $SOURCES -type f -printf '%p %s %.10T@\n' 2>/dev/null) || return 1
  printf '%s\n' "$list" | LC_ALL=C sort | cksum
}
SOURCES="schemas core platform security-server central-registry certs adapters scripts
  console/build.ts package-lock.json node_modules/.package-lock.json"

# Prints the program that `concordat build` made of "$2", a module below the root "$1". Fails when there is none, or the sources are not
# those of which it was made: files that were put back keep their old time, so that newer is not enough. Fails also when the programs were
# made elsewhere, since they contain the places of their sources.
built_program() {
  current=$1/.work/servers/current
  [ -f "$current" ] && { read -r made_at && read -r folder && read -r made_of; } <"$current" && [ "$made_at" = "$1" ] || return 1
  program=$1/.work/servers/$folder/${2%.ts}.js
  [ -f "$program" ] && [ "$(sources_of "$1")" = "$made_of" ] || return 1
  # Two changes within one second can leave one size.
  # shellcheck disable=SC2086 # a list of names
  changed=$(cd "$1" && find $SOURCES -newer "$current" -print -quit 2>/dev/null) || return 1
  [ -z "$changed" ] && printf '%s\n' "$program"
}
