/**
 * Whether the addresses of a sandbox are free, and who has those that are not: from /proc, where the system
 * shows it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { printable } from '#platform/plain-text.ts'
import { agenciesOf, type Layout, SERVER_PORTS } from './layout.ts'

type Place = { address: string; port: number }

const LISTENING = '0A'
const MOST_NAME = 200

/** A line for each address that another program has; empty if all are free. */
export async function takenPlaces(layout: Layout): Promise<string[]> {
  const taken: Place[] = []
  for (const place of placesOf(layout)) if (!(await isFree(place))) taken.push(place)
  return taken.map((place) => `${place.address}:${place.port} is in use: ${holderOf(place)}`)
}

/** Every address on which a process of the sandbox listens. */
function placesOf(layout: Layout): Place[] {
  const { trust, registry, systems, portal, counter, wallet, archive, names } = layout
  const { address: systemsAddress, ...systemPorts } = systems
  const at = (address: string, ports: number[]): Place[] => ports.map((port) => ({ address, port }))
  return [
    ...at(trust.address, [trust.caPort, trust.ocspPort, trust.tsaPort, trust.openIdPort]),
    ...at(registry.address, [registry.publicPort, registry.adminPort, registry.registrationPort]),
    ...agenciesOf(layout).flatMap(({ address }) => at(address, Object.values(SERVER_PORTS))),
    ...at(systemsAddress, Object.values(systemPorts)),
    ...(portal === undefined ? [] : at(portal.address, [portal.port, portal.monitoring, portal.mail])),
    ...(counter === undefined ? [] : at(counter.address, [counter.port, counter.monitoring])),
    ...[wallet, archive, names].filter((place) => place !== undefined),
  ]
}

function isFree({ address, port }: Place): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(false)
      else reject(new Error(`${address}:${port} cannot be listened on: ${cause.message}`))
    })
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Who listens there, in words. */
function holderOf(place: Place): string {
  const sockets = listenersAt(place)
  if (sockets.size === 0) return 'which program has it cannot be seen here'
  const id = processIds().find((one) => hasSocket(one, sockets))
  if (id === undefined)
    return 'which program has it cannot be seen: it belongs to another user (as root, ss -ltnp shows it)'
  return `process ${id}, ${commandOf(id)}`
}

/**
 * The socket numbers of those who listen at the address, or at all addresses. Lines of /proc/net/tcp are
 * `n: ADDRESS:PORT ... STATE ...`.
 */
function listenersAt({ address, port }: Place): Set<string> {
  const found = new Set<string>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of linesOf(file).slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      const [host = '', hexPort = ''] = local.split(':')
      const isThere = /^0+$/.test(host) || host.endsWith(hexOf(address))
      if (state === LISTENING && Number.parseInt(hexPort, 16) === port && isThere)
        found.add(`socket:[${inode}]`)
    }
  }
  return found
}

/** The kernel shows an IPv4 address as one number in the machine's order, least byte first. */
function hexOf(address: string): string {
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase()
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** False for processes of others, whose files nobody else may read, and for those that have just ended. */
function hasSocket(id: string, sockets: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${id}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${id}/fd/${fd}`))
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}

/** Its program and what that was told, without the options of an interpreter before it. */
function commandOf(id: string): string {
  const [program = '', ...told] = linesOf(`/proc/${id}/cmdline`).join(' ').split('\0')
  const first = told.findIndex((word) => !word.startsWith('-'))
  const words = [path.basename(program), ...told.slice(Math.max(first, 0))].join(' ').trim()
  return printable(words === '' ? 'whose command cannot be seen' : words).slice(0, MOST_NAME)
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n')
  } catch {
    return []
  }
}
