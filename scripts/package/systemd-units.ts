/** The systemd units of the servers. Each may write its own state and cache, and sees nothing else of the machine that it does not need. */
import { ENTRY, ENVIRONMENT, NODE, NODE_OPTIONS } from './stage-tree.ts'

/** `words`: of the command. `%i` is what stands behind the @ of a unit's name. */
type Unit = { name: string; description: string; words: string; state: string }

export const UNITS: Unit[] = [
  {
    name: 'concordat-security-server.service',
    description: 'Concordat security server',
    words: 'security-server --configuration /etc/concordat/security-server.yaml',
    state: 'security-server',
  },
  {
    name: 'concordat-central-registry.service',
    description: 'Concordat central registry',
    words: 'central-registry --configuration /etc/concordat/central-registry.yaml',
    state: 'central-registry',
  },
  {
    name: 'concordat-configuration-proxy.service',
    description: 'Concordat configuration proxy',
    words: 'configuration-proxy --configuration /etc/concordat/configuration-proxy.yaml',
    state: 'configuration-proxy',
  },
  {
    name: 'concordat-subject-keys.service',
    description: 'Concordat keys for searches by person',
    words: 'subject-keys --configuration /etc/concordat/subject-keys.yaml',
    state: 'subject-keys',
  },
  {
    name: 'concordat-portal.service',
    description: "Concordat citizens' portal",
    words: 'portal --configuration /etc/concordat/portal.yaml',
    state: 'portal',
  },
  {
    name: 'concordat-adapter@.service',
    description: 'Concordat adapter %i',
    words: 'adapter %i --configuration /etc/concordat/%i.yaml',
    state: 'adapter-%i',
  },
]

/** `systemd-analyze security` says at most 2.0 of each; V8 makes code in memory, so MemoryDenyWriteExecute stays off. */
export function unitOf(unit: Unit): string {
  const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `Environment=${name}=${value}\n`)
  return `[Unit]
Description=${unit.description}
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
User=concordat
Group=concordat
ExecStart=${NODE} ${NODE_OPTIONS.join(' ')} ${ENTRY} ${unit.words}
${environment.join('')}Environment=NODE_COMPILE_CACHE=%C/concordat/${unit.state}
Restart=always
RestartSec=2
# What is under way is finished first.
TimeoutStopSec=90
LimitNOFILE=65536
UMask=0077
StateDirectory=concordat concordat/${unit.state}
StateDirectoryMode=0700
CacheDirectory=concordat/${unit.state}
CacheDirectoryMode=0700
ProtectSystem=strict
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

[Install]
WantedBy=multi-user.target
`
}
