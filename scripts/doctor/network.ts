/** Ports that the process needs, and names that it has to find. */
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import { type Finding, toDo, well, whyOf } from './finding.ts'
import type { Port, Setting } from './settings.ts'

const TODO: Record<string, string> = {
  EADDRINUSE: 'end what holds the port, or name another; if the server runs already, say --running',
  EADDRNOTAVAIL: 'name an address of this machine, or 0.0.0.0',
  EACCES: 'name a port from 1024 on, or allow lower ones (net.ipv4.ip_unprivileged_port_start)',
}

/** `isRunning`: the process is expected to hold its ports. */
export async function lookAtPort({ name, address, port }: Port, isRunning: boolean): Promise<Finding> {
  const where = `${address}:${port}`
  const code = await listening(address, port)
  if (isRunning && code === 'EADDRINUSE') return well(name, `${where} is held`)
  if (isRunning && code === undefined)
    return toDo(name, `${where} is free`, 'start the server, or look why it does not listen')
  if (code === undefined) return well(name, `${where} is free`)
  return toDo(name, `${where} cannot be used (${code})`, TODO[code] ?? 'name another address or port')
}

function listening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (thrown) => resolve(whyOf(thrown)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

const ADDRESS = /^(?:https?|postgres(?:ql)?|rediss?|ldaps?|smtps?):\/\//

/** Names in addresses of the settings, each once. */
export function lookAtNames(settings: Setting[]): Promise<Finding[]> {
  const hosts = new Map<string, string>()
  for (const { name, value } of settings) {
    const host = ADDRESS.test(value) ? URL.parse(value)?.hostname : undefined
    if (host !== undefined && host !== '' && !hosts.has(host)) hosts.set(host, name)
  }
  return Promise.all([...hosts].map(([host, name]) => resolved(host, name)))
}

async function resolved(host: string, name: string): Promise<Finding> {
  try {
    const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true })
    return well(`${name}, name`, `${host} is ${found.map(({ address }) => address).join(', ')}`)
  } catch (thrown) {
    return toDo(
      `${name}, name`,
      `${host} is not found (${whyOf(thrown)})`,
      'correct the setting, or the name server of this machine (/etc/resolv.conf)',
    )
  }
}
