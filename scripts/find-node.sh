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

# Prints the program that `concordat build` made of "$2", a module below the root "$1". Fails when there is none, or a source or a
# package is newer, or the programs were made elsewhere: they contain the places of their sources.
built_program() {
  current=$1/.work/servers/current
  [ -f "$current" ] && { read -r made_of && read -r folder; } <"$current" && [ "$made_of" = "$1" ] || return 1
  program=$1/.work/servers/$folder/${2%.ts}.js
  [ -f "$program" ] || return 1
  changed=$(cd "$1" && find schemas core platform security-server central-registry certs adapters scripts \
    console/build.ts package-lock.json node_modules/.package-lock.json -newer "$current" -print -quit 2>/dev/null) || return 1
  [ -z "$changed" ] && printf '%s\n' "$program"
}
