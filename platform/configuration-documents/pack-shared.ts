/**
 * Shared parameters on their way between threads: members, subsystems and clients as a few long arrays. Cloned as they stand, each
 * would bring its own copy of the names of its instance and class, and taking them over would hold the event loop up twice as
 * long. Unpacked they are what was packed; an id that is mentioned often is one object again.
 */
import { withBuffers } from '#platform/threads/with-buffers.ts'
import type { MemberInfo, SecurityServerInfo, SharedParameters } from '#schemas/global-configuration.ts'
import type { ClientId } from '#schemas/identifiers.ts'

type Few = Omit<SharedParameters, 'members' | 'securityServers' | 'globalGroups'>

/** Members and subsystems are counted in their order, each member before its subsystems. */
type PackedServer = Omit<SecurityServerInfo, 'id' | 'clients'> & {
  serverCode: string
  owner: number
  clients: Uint32Array
}

export type PackedShared = {
  few: Few
  servers: PackedServer[]
  /** Texts that many have in common. Where a number stands for one it is a place in here. */
  common: string[]
  members: {
    classes: Uint32Array
    descriptions: Uint32Array
    sizes: Uint32Array
    codes: string[]
    names: string[]
  }
  subsystems: { codes: string[]; names: (string | undefined)[] }
  groups: { codes: string[]; descriptions: string[]; sizes: Uint32Array }
  groupMembers: {
    instances: Uint32Array
    classes: Uint32Array
    codes: string[]
    subsystemCodes: (string | undefined)[]
  }
}

/** `shared` as the parser gives it: servers mention members and subsystems of the same document by their id objects. */
export function packShared(shared: SharedParameters): PackedShared {
  const { members, securityServers, globalGroups, ...few } = shared
  const places = new Map<string, number>()
  const placeOf = (text: string): number => {
    const known = places.get(text)
    if (known !== undefined) return known
    places.set(text, places.size)
    return places.size - 1
  }
  const subsystems = members.flatMap((member) => member.subsystems)
  const grouped = globalGroups.flatMap((group) => group.members)
  return {
    few,
    servers: packServers(securityServers, members),
    members: {
      classes: Uint32Array.from(members, ({ id }) => placeOf(id.memberClass)),
      descriptions: Uint32Array.from(members, (member) => placeOf(member.memberClassDescription)),
      sizes: Uint32Array.from(members, (member) => member.subsystems.length),
      codes: members.map(({ id }) => id.memberCode),
      names: members.map(({ name }) => name),
    },
    subsystems: {
      codes: subsystems.map(({ id }) => id.subsystemCode),
      names: subsystems.map(({ name }) => name),
    },
    groups: {
      codes: globalGroups.map(({ groupCode }) => groupCode),
      descriptions: globalGroups.map(({ description }) => description),
      sizes: Uint32Array.from(globalGroups, (group) => group.members.length),
    },
    groupMembers: {
      instances: Uint32Array.from(grouped, ({ instance }) => placeOf(instance)),
      classes: Uint32Array.from(grouped, ({ memberClass }) => placeOf(memberClass)),
      codes: grouped.map(({ memberCode }) => memberCode),
      subsystemCodes: grouped.map(({ subsystemCode }) => subsystemCode),
    },
    common: [...places.keys()],
  }
}

function packServers(servers: SecurityServerInfo[], members: MemberInfo[]): PackedServer[] {
  const numbers = new Map<ClientId, number>()
  const owners = new Map<string, number>()
  for (const { id, subsystems } of members) {
    owners.set(ownerKey(id), numbers.size)
    numbers.set(id, numbers.size)
    for (const subsystem of subsystems) numbers.set(subsystem.id, numbers.size)
  }
  return servers.map(({ id, clients, ...server }) => ({
    ...server,
    serverCode: id.serverCode,
    owner: known(owners.get(ownerKey(id))),
    clients: Uint32Array.from(clients, (client) => known(numbers.get(client))),
  }))
}

/** No other one may stand in for a client that was not found. */
function known(number: number | undefined): number {
  if (number === undefined)
    throw new Error('a server mentions an id that is no object of a member or subsystem')
  return number
}

function ownerKey({ memberClass, memberCode }: ClientId): string {
  return JSON.stringify([memberClass, memberCode])
}

/** The parameters out of what was packed on the other side and cloned. */
export function unpackShared(packed: PackedShared): SharedParameters {
  const { common, servers } = packed
  const few = withBuffers(packed.few) as Few
  const { members, clients } = unpackMembers(packed, few.instance)
  const securityServers = servers.map(({ serverCode, owner, clients: numbers, ...server }) => {
    const { instance, memberClass, memberCode } = clients[owner]!
    return {
      ...server,
      id: { instance, memberClass, memberCode, serverCode },
      authCertHashes: withBuffers(server.authCertHashes) as Buffer[],
      clients: Array.from(numbers, (number) => clients[number]!),
    }
  })
  let next = 0
  const { instances, classes, codes, subsystemCodes } = packed.groupMembers
  const groupMember = (): ClientId => {
    const at = next++
    const member = {
      instance: common[instances[at]!]!,
      memberClass: common[classes[at]!]!,
      memberCode: codes[at]!,
    }
    const subsystemCode = subsystemCodes[at]
    return subsystemCode === undefined ? member : { ...member, subsystemCode }
  }
  const globalGroups = packed.groups.codes.map((groupCode, at) => ({
    groupCode,
    description: packed.groups.descriptions[at]!,
    members: Array.from({ length: packed.groups.sizes[at]! }, groupMember),
  }))
  return { ...few, members, securityServers, globalGroups }
}

/** The members, and what servers mention by number. */
function unpackMembers(
  { common, members: packed, subsystems: packedSubsystems }: PackedShared,
  instance: string,
): { members: MemberInfo[]; clients: ClientId[] } {
  const clients: ClientId[] = []
  let next = 0
  const members = packed.codes.map((memberCode, at) => {
    const memberClass = common[packed.classes[at]!]!
    const id = { instance, memberClass, memberCode }
    clients.push(id)
    const subsystems: MemberInfo['subsystems'] = []
    for (const end = next + packed.sizes[at]!; next < end; next++) {
      const subsystemCode = packedSubsystems.codes[next]!
      const subsystem = { instance, memberClass, memberCode, subsystemCode }
      clients.push(subsystem)
      subsystems.push({ id: subsystem, name: packedSubsystems.names[next] })
    }
    return {
      id,
      memberClassDescription: common[packed.descriptions[at]!]!,
      name: packed.names[at]!,
      subsystems,
    }
  })
  return { members, clients }
}
