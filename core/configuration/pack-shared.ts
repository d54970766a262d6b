/**
 * Shared parameters as a few long arrays instead of some hundred thousand objects. The members, subsystems,
 * servers and groups of a whole country become 5 MB that the garbage collector does not scan and that threads
 * can pass on without copying. What is looked up often is sorted here, once.
 */
import { Fault } from '#schemas/fault.ts'
import type { GlobalGroup, SecurityServerInfo, SharedParameters } from '#schemas/global-configuration.ts'
import { type ClientId, encodeSegment, idText, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { sortedNumbers, type TextTable, tableOf } from './text-table.ts'

type Numbers = Uint32Array<ArrayBuffer>
type Few = Omit<SharedParameters, 'members' | 'securityServers' | 'globalGroups'>

export type PackedShared = {
  few: Few
  /**
   * Every member and subsystem in the order of the document, a member before its subsystems. Clients with a
   * number of `registered` or more are only mentioned (there are none in a document that was read).
   */
  clients: {
    texts: TextTable
    sorted: Numbers
    names: TextTable
    /** For each client the number of its member; for a member its own number. */
    memberOf: Numbers
    registered: number
  }
  /** For each member its client number, and the index in `classes` of its class's description. */
  members: { at: Numbers; described: Numbers; classes: string[] }
  servers: {
    texts: TextTable
    sorted: Numbers
    owners: Numbers
    addresses: TextTable
    maintenance: [number, NonNullable<SecurityServerInfo['maintenance']>][]
    /** The clients of server n are in `clients` from the end of server n - 1 to its own end. */
    clientEnds: Numbers
    clients: Numbers
    /** The same for its certificate hashes, in hex. */
    hashEnds: Numbers
    hashes: TextTable
    hashesSorted: Numbers
    hashOf: Numbers
  }
  /** The servers of each client, in the same form as the clients of each server. */
  serving: { ends: Numbers; servers: Numbers }
  groups: { codes: string[]; descriptions: string[]; ends: Numbers; members: TextTable; sorted: Numbers }
}

/**
 * Packs shared parameters that exist as objects. Throws `malformed_global_conf` if an identifier or group
 * occurs twice.
 */
export function packShared(shared: SharedParameters): PackedShared {
  const { members, securityServers, globalGroups, ...few } = shared
  const packing = createPacking()
  for (const member of members) {
    const owner = packing.member(member.id, member.name, member.memberClassDescription)
    for (const { id, name } of member.subsystems) packing.subsystem(owner, id.subsystemCode, name)
  }
  for (const { id, clients, ...server } of securityServers)
    packing.server(packing.numberOf(memberOf(id)), id.serverCode, server, clients.map(packing.numberOf))
  for (const group of globalGroups) packing.group(group)
  return packing.packed(few)
}

export type Packing = ReturnType<typeof createPacking>

/**
 * Packs parameters entry by entry in the order of a document: members with their subsystems, servers, groups.
 */
export function createPacking() {
  const texts: string[] = []
  const names: (string | undefined)[] = []
  const owners: number[] = []
  /** Built on the first call of `numberOf`; the reader of a document does not need it. */
  let numbers: Map<string, number> | undefined
  let mentioned = 0
  const memberAt: number[] = []
  const described: number[] = []
  const classes = new Map<string, number>()
  const servers = createServers()
  const groups: GlobalGroup[] = []

  const enter = (text: string, name: string | undefined, owner = texts.length): number => {
    const number = texts.length
    numbers?.set(text, number)
    texts.push(text)
    names.push(name)
    owners.push(owner)
    return number
  }
  const numberOf = (id: ClientId): number => {
    numbers ??= new Map(texts.map((text, at) => [text, at]))
    const known = numbers.get(idText(id))
    if (known !== undefined) return known
    const owner = id.subsystemCode === undefined ? undefined : numberOf(memberOf(id))
    mentioned += 1
    return enter(idText(id), undefined, owner)
  }
  return {
    /** Adds a member; returns its number. */
    member(id: MemberId, name: string, classDescription: string): number {
      const number = enter(idText(memberOf(id)), name)
      const description = classes.get(classDescription) ?? classes.size
      classes.set(classDescription, description)
      memberAt.push(number)
      described.push(description)
      return number
    },
    /**
     * Adds a subsystem of the member with number `owner`, the last one added; returns the subsystem's number.
     */
    subsystem: (owner: number, code: string, name: string | undefined): number =>
      enter(`${texts[owner]}/${encodeSegment(code)}`, name, owner),
    /** The number of a member or subsystem; adds it as mentioned if it is unknown. */
    numberOf,
    isMember: (number: number): boolean => owners[number] === number,
    server(
      owner: number,
      code: string,
      server: Omit<SecurityServerInfo, 'id' | 'clients'>,
      clients: number[],
    ) {
      servers.enter(`${texts[owner]}/${encodeSegment(code)}`, owner, server, clients)
    },
    group(group: GlobalGroup) {
      groups.push(group)
    },
    packed(few: Few): PackedShared {
      const packedServers = servers.packed()
      return {
        few,
        clients: {
          ...{ texts: tableOf(texts), sorted: sortedOnce(texts), names: tableOf(names) },
          ...{ memberOf: Uint32Array.from(owners), registered: texts.length - mentioned },
        },
        members: {
          ...{ at: Uint32Array.from(memberAt), described: Uint32Array.from(described) },
          classes: [...classes.keys()],
        },
        servers: packedServers,
        serving: packServing(packedServers, texts.length),
        groups: packGroups(groups),
      }
    },
  }
}

function createServers() {
  const texts: string[] = []
  const owners: number[] = []
  const addresses: (string | undefined)[] = []
  const maintenance: PackedShared['servers']['maintenance'] = []
  const clients: number[] = []
  const clientEnds: number[] = []
  const hashes: string[] = []
  const hashEnds: number[] = []
  const hashOf: number[] = []
  return {
    enter(
      text: string,
      owner: number,
      server: Omit<SecurityServerInfo, 'id' | 'clients'>,
      itsClients: number[],
    ): void {
      const at = texts.length
      texts.push(text)
      owners.push(owner)
      addresses.push(server.address)
      if (server.maintenance !== undefined) maintenance.push([at, server.maintenance])
      for (const client of itsClients) clients.push(client)
      clientEnds.push(clients.length)
      for (const hash of server.authCertHashes) {
        hashes.push(hash.toString('hex'))
        hashOf.push(at)
      }
      hashEnds.push(hashes.length)
    },
    packed: (): PackedShared['servers'] => ({
      ...{
        texts: tableOf(texts),
        sorted: sortedOnce(texts, 'the security server '),
        owners: Uint32Array.from(owners),
      },
      ...{ addresses: tableOf(addresses), maintenance },
      ...{ clientEnds: Uint32Array.from(clientEnds), clients: Uint32Array.from(clients) },
      ...{ hashEnds: Uint32Array.from(hashEnds), hashes: tableOf(hashes) },
      ...{ hashesSorted: sortedNumbers(hashes), hashOf: Uint32Array.from(hashOf) },
    }),
  }
}

/** A server serves its owner as well as its clients. */
function packServing(servers: PackedShared['servers'], count: number): PackedShared['serving'] {
  /** For each client the last server noted, plus one. */
  const last = new Uint32Array(count)
  const ends = new Uint32Array(count)
  const each = (note: (client: number, server: number) => void): void => {
    last.fill(0)
    servers.owners.forEach((owner, server) => {
      const once = (client: number): void => {
        if (last[client] === server + 1) return
        last[client] = server + 1
        note(client, server)
      }
      once(owner)
      const from = server === 0 ? 0 : servers.clientEnds[server - 1]!
      servers.clients.subarray(from, servers.clientEnds[server]!).forEach(once)
    })
  }
  each((client) => {
    ends[client]! += 1
  })
  const places = new Uint32Array(count)
  let end = 0
  ends.forEach((size, client) => {
    places[client] = end
    end += size
    ends[client] = end
  })
  const listed = new Uint32Array(end)
  each((client, server) => {
    listed[places[client]!++] = server
  })
  return { ends, servers: listed }
}

function packGroups(groups: GlobalGroup[]): PackedShared['groups'] {
  const texts = groups.flatMap((group) => group.members.map((member) => idText(member)))
  const codes = groups.map(({ groupCode }) => groupCode)
  if (new Set(codes).size !== codes.length) throw twice('a global group')
  const ends = endsOf(groups.map((group) => group.members.length))
  const sorted = new Uint32Array(texts.length)
  ends.forEach((end, at) => {
    const from = at === 0 ? 0 : ends[at - 1]!
    sorted.set(sortedNumbers(texts, from, end), from)
  })
  return {
    codes,
    descriptions: groups.map(({ description }) => description),
    ends,
    members: tableOf(texts),
    sorted,
  }
}

/** The numbers sorted by their texts; throws if a text occurs twice. */
function sortedOnce(texts: string[], what = ''): Numbers {
  const sorted = sortedNumbers(texts)
  sorted.forEach((number, at) => {
    if (at > 0 && texts[number] === texts[sorted[at - 1]!]) throw twice(`${what}${texts[number]}`)
  })
  return sorted
}

function twice(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `${what} stands twice` })
}

function endsOf(sizes: number[]): Numbers {
  let end = 0
  return Uint32Array.from(sizes, (size) => {
    end += size
    return end
  })
}

/** The buffers of the packed parameters, to be transferred to another thread. */
export function memoryOf({ clients, members, servers, serving, groups }: PackedShared): ArrayBuffer[] {
  return [clients, members, servers, serving, groups].flatMap((part) =>
    Object.values(part).flatMap((value: unknown) => {
      if (value instanceof Uint32Array) return value.buffer as ArrayBuffer
      const { bytes, ends } = value as Partial<TextTable>
      return bytes instanceof Uint8Array ? [bytes.buffer, ends!.buffer] : []
    }),
  )
}
