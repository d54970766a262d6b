/** What a Debian package runs on the machine after its files are there, and after they are gone. */
import { USERS } from './systemd-units.ts'

const others = USERS.filter((user) => user !== 'concordat')

/** Nothing is started but what this has stopped. */
export const AFTER_INSTALLATION = `#!/bin/sh
set -e

# What ran as concordat before it had a user of its own: $1 its user, $2 the name of its settings, $3 where its state was, $4 where it will be, $5 its unit.
# Its state moves. Files that its settings name are copied, since another program may use them too.
separate() {
  old=/etc/concordat/$2.yaml
  new=/etc/$1/$2.yaml
  if [ ! -f "$old" ] || [ -e "$new" ]; then return 0; fi
  if [ -d /run/systemd/system ] && systemctl is-active --quiet "$5"; then
    systemctl stop "$5"
    stopped="$stopped $5"
  fi
  install -d "$(dirname "$4")"
  if [ -d "$3" ] && [ ! -e "$4" ]; then mv "$3" "$4"; else install -d "$4"; fi
  tr -s "\\"' \\t,=?#{}[]" '\\n' <"$old" | while read -r word; do
    word=\${word#sqlite:}
    case $word in
      *..*) ;;
      "$3"/*) ;;
      /var/lib/concordat/*)
        for file in "$word" "$word-wal" "$word-shm"; do
          if [ -f "$file" ]; then install -d "$(dirname "$4/\${file#/var/lib/concordat/}")" && mv "$file" "$4/\${file#/var/lib/concordat/}"; fi
        done
        ;;
      /etc/concordat/* | [!/-]*)
        if [ -f "/etc/concordat/\${word#/etc/concordat/}" ]; then
          install -D -m 0600 "/etc/concordat/\${word#/etc/concordat/}" "/etc/$1/\${word#/etc/concordat/}"
        fi
        ;;
    esac
  done
  if [ "$1" = concordat-subject-keys ]; then
    socket=$(sed -n 's#^socket: *["'"'"']\\{0,1\\}\\(/var/lib/concordat/[^"'"'"' ]*\\).*#\\1#p' "$old")
    # The security server goes on with the name that it has.
    if [ -n "$socket" ]; then
      install -d -o concordat -g concordat -m 0700 "$(dirname "$socket")"
      ln -sfn /run/concordat-subject-keys/socket "$socket"
    fi
  fi
  sed -e "s#^socket: .*/var/lib/concordat/.*#socket: /run/$1/socket#" \\
    -e "s#$3\\([^A-Za-z0-9._-]\\|\\$\\)#$4\\1#g" -e "s#/var/lib/concordat/#$4/#g" -e "s#/etc/concordat/#/etc/$1/#g" "$old" >"$new.part"
  chown -R "$1:$1" "/etc/$1" "$4"
  chmod 0600 "$new.part"
  mv "$new.part" "$new"
  mv "$old" "$old.moved"
  echo "concordat: $old and what it names are in /etc/$1 and $4 now, and belong to $1"
}

if [ "$1" = configure ]; then
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers concordat.conf
  else
    for user in ${USERS.join(' ')}; do
      if ! getent passwd "$user" >/dev/null; then
        useradd --system --user-group --home-dir "/var/lib/$user" --shell /usr/sbin/nologin "$user"
      fi
    done
    usermod --append --groups concordat-subject-keys concordat
  fi
  install -d -o concordat -g concordat -m 0700 /etc/concordat /etc/concordat/secrets /etc/concordat/tls
  for user in ${others.join(' ')}; do install -d -o "$user" -g "$user" -m 0700 "/etc/$user"; done
  stopped=
  for name in subject-keys portal; do
    separate "concordat-$name" "$name" "/var/lib/concordat/$name" "/var/lib/concordat-$name" "concordat-$name.service"
  done
  for name in events file file-messages http mandates rest-as-soap soap sql sql-messages; do
    separate concordat-adapter "$name" "/var/lib/concordat/adapter-$name" "/var/lib/concordat-adapter/$name" "concordat-adapter@$name.service"
  done
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    for unit in $stopped; do systemctl start "$unit"; done
  fi
fi
`

/** Settings, keys and logs stay, also after a purge: nobody can make them again. */
export const AFTER_REMOVAL = `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`
