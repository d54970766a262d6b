/** What a Debian package runs on the machine after its files are there, and after they are gone. */
import { USERS } from './systemd-units.ts'

/** Starts nothing, and moves nothing. As root it makes users, and folders where no service writes. */
export const AFTER_INSTALLATION = `#!/bin/sh
set -e

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
  for user in ${USERS.join(' ')}; do install -d -o "$user" -g "$user" -m 0700 "/etc/$user"; done
  # concordat writes in its folder: whoever broke it has perhaps put a link there that root would follow.
  # A file or a link to nothing there leaves no package half configured.
  runuser -u concordat -- mkdir -p -m 0700 /etc/concordat/secrets /etc/concordat/tls ||
    echo 'concordat: /etc/concordat/secrets or /etc/concordat/tls is no folder: look who put it there' >&2
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
`

/** Settings, keys and logs stay, also after a purge: nobody can make them again. */
export const AFTER_REMOVAL = `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`
