/** The part of a plan about security servers and their registered clients; pure. */
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { type ClientId, checkNewCode, idText, memberOf } from '#schemas/identifiers.ts'
import type { RegisterRows } from '../../configuration/assemble.ts'
import { checkName } from '../../members/rules.ts'
import { checkAddress } from '../../servers/rules.ts'
import type { Notes } from './notes.ts'

/** Rows in the form of the register's tables. */
export type AddedServers = {
  servers: { id: string; owner: string; address: string; maintenance: string | null }[]
  clients: { server: string; client: string }[]
}

export function planServers(
  shared: SharedParameters,
  register: RegisterRows,
  known: ReadonlySet<string>,
  notes: Notes,
): { take: AddedServers; known: ReadonlySet<string> } {
  const take: AddedServers = { servers: [], clients: [] }
  const servers = new Map(register.servers.map((row) => [row.id, row]))
  const clients = new Set(register.clients.map(({ server, client }) => JSON.stringify([server, client])))
  const published = new Set<string>()
  for (const server of shared.securityServers) {
    const [id, owner] = [idText(server.id), idText(memberOf(server.id))]
    published.add(id)
    // X-Road keeps addresses as they were typed; the case of a host name has no meaning.
    const address = (server.address ?? '').toLowerCase()
    const maintenance = server.maintenance === undefined ? null : (server.maintenance.message ?? '')
    const here = servers.get(id)
    if (here !== undefined) {
      notes.differ(`address of the security server ${id}`, here.address, address)
      notes.differ(`maintenance of the security server ${id}`, here.maintenance ?? '-', maintenance ?? '-')
    } else if (!known.has(owner)) notes.leave(`security server ${id}`, 'its owner is not taken')
    else if (
      notes.allows(`security server ${id}`, () => [checkNewCode(server.id.serverCode), checkAddress(address)])
    ) {
      const message = maintenance === null || maintenance === '' || isName(maintenance) ? maintenance : ''
      const row = { id, owner, address, maintenance: message }
      take.servers.push(row)
      servers.set(id, row)
    }
    for (const client of server.clients) planClient(client, { id, owner })
  }
  function planClient(id: ClientId, server: { id: string; owner: string }): void {
    const [client, key] = [idText(id), JSON.stringify([server.id, idText(id)])]
    if (published.has(key)) return
    published.add(key)
    // The owner is a client of its server without a registration.
    if (clients.has(key) || client === server.owner) return
    const what = `${client} on ${server.id}`
    if (!servers.has(server.id)) notes.leave(what, 'the security server is not taken')
    else if (!known.has(client)) notes.leave(what, 'it is not a member or subsystem here')
    else take.clients.push({ server: server.id, client })
  }
  for (const { id } of register.servers) if (!published.has(id)) notes.onlyHere(`security server ${id}`)
  // Neither X-Road nor this registry publishes a disabled client.
  for (const { server, client, is_disabled } of register.clients)
    if (is_disabled === 0 && !published.has(JSON.stringify([server, client])))
      notes.onlyHere(`${client} on ${server}`)
  return { take, known: new Set(servers.keys()) }
}

function isName(text: string): boolean {
  try {
    return checkName(text) === text
  } catch {
    return false
  }
}
