/**
 * Shared parameters as a few long arrays: members, subsystems, servers and groups of a whole country are 5 MB of memory that no
 * collection looks at and that go between threads as they are, instead of some hundred thousand objects. What is asked often
 * is sorted here, once.
 */
import type { SecurityServerInfo, SharedParameters } from '#schemas/global-configuration.ts'
import { type ClientId, idText, memberOf } from '#schemas/identifiers.ts'
import { sortedNumbers, type TextTable, tableOf } from './text-table.ts'

type Numbers = Uint32Array<ArrayBuffer>
type Few = Omit<SharedParameters, 'members' | 'securityServers' | 'globalGroups'>

export type PackedShared = {
  few: Few
  /**
   * Every member and subsystem in the order of the document, a member before its subsystems; behind `registered` those that
   * are mentioned only (a document that was read has none).
   */
  clients: {
    texts: TextTable
    sorted: Numbers
    names: TextTable
    /** The number of the member whom each belongs to, its own for a member. */
    memberOf: Numbers
    registered: number
  }
  /** The number of each member among the clients, and which of `classes` describes its class. */
  members: { at: Numbers; described: Numbers; classes: string[] }
  servers: {
    texts: TextTable
    sorted: Numbers
    owners: Numbers
    addresses: TextTable
    maintenance: [number, NonNullable<SecurityServerInfo['maintenance']>][]
    /** The clients of each: `clients` from the end of the one before to its own. */
    clientEnds: Numbers
    clients: Numbers
    /** The same for certificates, in hex. */
    hashEnds: Numbers
    hashes: TextTable
    hashesSorted: Numbers
    hashOf: Numbers
  }
  /** The servers of each client, as the clients of each server. */
  serving: { ends: Numbers; servers: Numbers }
  groups: { codes: string[]; descriptions: string[]; ends: Numbers; members: TextTable; sorted: Numbers }
}

/** Packs what a parser gave or somebody put together. */
export function packShared(shared: SharedParameters): PackedShared {
  const { members, securityServers, globalGroups, ...few } = shared
  const clients = packClients(shared)
  const servers = packServers(securityServers, clients.numberOf)
  const classes = [...new Set(members.map((member) => member.memberClassDescription))]
  const places = new Map(classes.map((text, at) => [text, at]))
  return {
    few,
    // Servers may have brought some that are mentioned only.
    clients: clients.packed(),
    members: {
      at: Uint32Array.from(members, ({ id }) => clients.numberOf(id)),
      described: Uint32Array.from(members, (member) => places.get(member.memberClassDescription)!),
      classes,
    },
    servers,
    serving: packServing(servers, clients.count()),
    groups: packGroups(globalGroups),
  }
}

function packClients({ members }: SharedParameters) {
  const texts: string[] = []
  const names: (string | undefined)[] = []
  const owners: number[] = []
  const byText = new Map<string, number>()
  /** A document that was read holds one object for all mentions of an id. */
  const byObject = new Map<ClientId, number>()
  const enter = (id: ClientId, name: string | undefined, owner = texts.length): number => {
    const number = texts.length
    const text = idText(id)
    texts.push(text)
    names.push(name)
    owners.push(owner)
    byText.set(text, number)
    byObject.set(id, number)
    return number
  }
  for (const member of members) {
    const owner = enter(member.id, member.name)
    for (const subsystem of member.subsystems) enter(subsystem.id, subsystem.name, owner)
  }
  const registered = texts.length
  const numberOf = (id: ClientId): number => {
    const known = byObject.get(id) ?? byText.get(idText(id))
    if (known !== undefined) return known
    return enter(id, undefined, id.subsystemCode === undefined ? undefined : numberOf(memberOf(id)))
  }
  return {
    numberOf,
    count: () => texts.length,
    packed: () => ({
      ...{ texts: tableOf(texts), sorted: sortedNumbers(texts), names: tableOf(names), registered },
      memberOf: Uint32Array.from(owners),
    }),
  }
}

function packServers(
  servers: SecurityServerInfo[],
  numberOf: (id: ClientId) => number,
): PackedShared['servers'] {
  const texts = servers.map(({ id }) => idText(id))
  const hashes = servers.flatMap((server) => server.authCertHashes.map((hash) => hash.toString('hex')))
  return {
    texts: tableOf(texts),
    sorted: sortedNumbers(texts),
    owners: Uint32Array.from(servers, ({ id }) => numberOf(memberOf(id))),
    addresses: tableOf(servers.map(({ address }) => address)),
    maintenance: servers.flatMap(({ maintenance }, at) =>
      maintenance === undefined ? [] : [[at, maintenance]],
    ),
    clientEnds: endsOf(servers.map((server) => server.clients.length)),
    clients: Uint32Array.from(servers.flatMap((server) => server.clients.map(numberOf))),
    hashEnds: endsOf(servers.map((server) => server.authCertHashes.length)),
    hashes: tableOf(hashes),
    hashesSorted: sortedNumbers(hashes),
    hashOf: Uint32Array.from(servers.flatMap((server, at) => server.authCertHashes.map(() => at))),
  }
}

/** The owner of a server is served by it as its clients are. */
function packServing(servers: PackedShared['servers'], count: number): PackedShared['serving'] {
  const lists: number[][] = Array.from({ length: count }, () => [])
  servers.owners.forEach((owner, server) => {
    const from = server === 0 ? 0 : servers.clientEnds[server - 1]!
    for (const client of [owner, ...servers.clients.subarray(from, servers.clientEnds[server]!)]) {
      const list = lists[client]!
      if (list.at(-1) !== server) list.push(server)
    }
  })
  return { ends: endsOf(lists.map((list) => list.length)), servers: Uint32Array.from(lists.flat()) }
}

function packGroups(groups: SharedParameters['globalGroups']): PackedShared['groups'] {
  const texts = groups.flatMap((group) => group.members.map((member) => idText(member)))
  const ends = endsOf(groups.map((group) => group.members.length))
  const sorted = new Uint32Array(texts.length)
  ends.forEach((end, at) => {
    const from = at === 0 ? 0 : ends[at - 1]!
    sorted.set(sortedNumbers(texts, from, end), from)
  })
  return {
    codes: groups.map(({ groupCode }) => groupCode),
    descriptions: groups.map(({ description }) => description),
    ends,
    members: tableOf(texts),
    sorted,
  }
}

function endsOf(sizes: number[]): Numbers {
  let end = 0
  return Uint32Array.from(sizes, (size) => {
    end += size
    return end
  })
}

/** The memory of what was packed, which another thread may be given whole. */
export function memoryOf({ clients, members, servers, serving, groups }: PackedShared): ArrayBuffer[] {
  return [clients, members, servers, serving, groups].flatMap((part) =>
    Object.values(part).flatMap((value: unknown) => {
      if (value instanceof Uint32Array) return value.buffer as ArrayBuffer
      const { bytes, ends } = value as Partial<TextTable>
      return bytes instanceof Uint8Array ? [bytes.buffer, ends!.buffer] : []
    }),
  )
}
