#!/bin/sh
# The programs that tests check against: PostgreSQL, Valkey or Redis, xmlsec1, openssl. As root on Debian they are
# installed (and no service of theirs is left running or enabled); elsewhere one line says what is missing.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }
has_postgresql() { has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_redis() { has valkey-server || has redis-server; }

missing() {
  has_postgresql || echo postgresql
  has_redis || echo redis
  has xmlsec1 || echo xmlsec1
  has openssl || echo openssl
}

names=$(missing | tr '\n' ' ')
[ -z "$names" ] && exit 0

if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && has apt-get; then
  echo "Installing for the tests: $names..."
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  guard=/usr/sbin/policy-rc.d
  made=
  if ! [ -e "$guard" ]; then
    # Debian starts a service when it installs one; this forbids it while we install.
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
    made=yes
  fi
  trap '[ -z "$made" ] || rm -f "$guard"; rm -f "$log"' EXIT
  {
    apt-get update || true
    packages=
    for name in $names; do
      [ "$name" != redis ] || { apt-cache show valkey-server >/dev/null 2>&1 && name=valkey-server || name=redis-server; }
      packages="$packages $name"
    done
    # shellcheck disable=SC2086 # one word a package
    apt-get install -y --no-install-recommends $packages || cat "$log" >&2
    for name in $packages; do
      # Nor at the next boot. Only what was installed just now, so a server of the machine's owner stays as it is.
      ! has systemctl || systemctl disable "$name" || true
    done
  } >"$log" 2>&1
  names=$(missing | tr '\n' ' ')
  [ -z "$names" ] && exit 0
  tail -n 5 "$log" >&2
fi

if [ -n "${CI:-}" ]; then
  echo "Missing: $names- in CI nothing may be skipped." >&2
else
  echo "Missing: $names- the tests that need them are skipped. On Debian: apt-get install postgresql redis-server xmlsec1 openssl"
fi
