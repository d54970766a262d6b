/**
 * The systemd units of the servers, and the users that they run as. What has keys, people's data or a way to
 * other systems of the agency has a user of its own: whoever breaks one reads and writes nothing of the
 * others.
 */
import { ENTRY, ENVIRONMENT, NODE, NODE_OPTIONS } from './stage-tree.ts'

type Unit = {
  /** `%i`, here and below, is what stands behind the @ of a unit's name. */
  name: string
  description: string
  /** Of the command. */
  words: string
  /** Its settings are in the folder of this name in /etc. */
  user: string
  /** Below /var/lib and /var/cache. */
  state: string
  /** Below /run; the user's group may enter it. */
  socketIn?: string
  /** Below /var/lib, too. */
  besides?: string
  /** It ends by itself, and a timer starts it. */
  daily?: true
}

/**
 * Units that change keys and settings of one member. Those that run on one machine share one backup folder.
 */
const ours = (name: string, description: string): Unit => ({
  ...{ name: `concordat-${name}.service`, description: `Concordat ${description}` },
  words: `${name} --configuration /etc/concordat/${name}.yaml`,
  ...{ user: 'concordat', state: `concordat/${name}`, besides: 'concordat' },
})

const alone = (name: string, description: string): Unit => ({
  ...{ name: `concordat-${name}.service`, description: `Concordat ${description}` },
  words: `${name} --configuration /etc/concordat-${name}/${name}.yaml`,
  ...{ user: `concordat-${name}`, state: `concordat-${name}` },
})

const UNITS: Unit[] = [
  ours('security-server', 'security server'),
  ours('central-registry', 'central registry'),
  ours('configuration-proxy', 'configuration proxy'),
  { ...alone('subject-keys', 'keys for searches by person'), socketIn: 'concordat-subject-keys' },
  alone('portal', "citizens' portal"),
  alone('mandates', 'register of mandates'),
  alone('life-events', 'life events'),
  alone('verifier', "verifier of wallets' credentials"),
  {
    ...{ name: 'concordat-adapter@.service', description: 'Concordat adapter %i' },
    words: 'adapter %i --configuration /etc/concordat-adapter/%i.yaml',
    ...{ user: 'concordat-adapter', state: 'concordat-adapter/%i' },
  },
  {
    ...alone('life-events', 'letters of life events'),
    name: 'concordat-life-events-letters.service',
    words:
      'life-events letters --configuration /etc/concordat-life-events/life-events.yaml --output /var/lib/concordat-life-events/letters',
    daily: true,
  },
]

export const USERS: string[] = [...new Set(UNITS.map(({ user }) => user))]

/**
 * For systemd-sysusers. The security server reaches the holder of subject keys by a socket of that one's
 * group.
 */
export const USERS_FILE = `${USERS.map((user) => `u ${user} - "Concordat" /var/lib/${user} /usr/sbin/nologin\n`).join('')}m concordat concordat-subject-keys\n`

/** All files of systemd, by name. */
export function unitFiles(): [name: string, content: string][] {
  const timers = UNITS.filter(({ daily }) => daily)
  return [
    ...UNITS.map((unit): [string, string] => [unit.name, unitOf(unit)]),
    ...timers.map((unit): [string, string] => [unit.name.replace(/service$/, 'timer'), timerOf(unit)]),
  ]
}

/**
 * `systemd-analyze security` says at most 2.0 of each; V8 makes code in memory, so MemoryDenyWriteExecute
 * stays off.
 */
function unitOf(unit: Unit): string {
  const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `Environment=${name}=${value}\n`)
  const socket =
    unit.socketIn === undefined
      ? ''
      : `RuntimeDirectory=${unit.socketIn}\nRuntimeDirectoryMode=0750\nRuntimeDirectoryPreserve=restart\n`
  return `[Unit]
Description=${unit.description}
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
User=${unit.user}
Group=${unit.user}
ExecStart=${NODE} ${NODE_OPTIONS.join(' ')} ${ENTRY} ${unit.words}
${environment.join('')}Environment=NODE_COMPILE_CACHE=%C/${unit.state}
${unit.daily === true ? 'Type=oneshot\n' : RESTARTS}# What is under way is finished first.
TimeoutStopSec=90
LimitNOFILE=65536
UMask=0077
StateDirectory=${[unit.besides, unit.state].filter((one) => one !== undefined).join(' ')}
StateDirectoryMode=0700
CacheDirectory=${unit.state}
CacheDirectoryMode=0700
${socket}ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
${unit.daily === true ? '' : '\n[Install]\nWantedBy=multi-user.target\n'}`
}

const RESTARTS = `# Also after a wrong setting (2): a secret, or a folder of keys, whose file system comes late is one until it is there.
Restart=always
RestartSec=5
`

const timerOf = (unit: Unit): string => `[Unit]
Description=${unit.description}, once a day

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h
Persistent=yes

[Install]
WantedBy=timers.target
`
