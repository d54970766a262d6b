/** Unpacks shared parameters. The long lists are built when a caller asks for them, and are not cached. */
import type {
  GlobalGroup,
  MemberInfo,
  SecurityServerInfo,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import type { ClientId, MemberId, ServerId, SubsystemId } from '#schemas/identifiers.ts'
import type { PackedShared } from './pack-shared.ts'
import { textAt } from './text-table.ts'

/** The parameters with every field; each access to a long list builds it anew. */
export function unpackShared(packed: PackedShared): SharedParameters {
  const { members, servers, groups } = packed
  return {
    ...packed.few,
    get members() {
      return Array.from(members.at, (_, at) => memberAt(packed, at))
    },
    get securityServers() {
      return Array.from(servers.owners, (_, at) => serverAt(packed, at))
    },
    get globalGroups() {
      return groups.codes.map((_, at) => groupAt(packed, at))
    },
  }
}

function memberAt({ clients, members }: PackedShared, at: number): MemberInfo {
  const number = members.at[at]!
  const id = idOf(textAt(clients.texts, number)!) as MemberId
  const subsystems: MemberInfo['subsystems'] = []
  for (let next = number + 1; next < clients.registered && clients.memberOf[next] === number; next++) {
    const subsystem = idOf(textAt(clients.texts, next)!) as SubsystemId
    subsystems.push({
      id: { ...id, subsystemCode: subsystem.subsystemCode },
      name: textAt(clients.names, next),
    })
  }
  return {
    id,
    memberClassDescription: members.classes[members.described[at]!]!,
    name: textAt(clients.names, number)!,
    subsystems,
  }
}

/** The server with this number; its long list of clients is built when a caller asks for it. */
export function serverAt({ clients, servers }: PackedShared, at: number): SecurityServerInfo {
  const [instance, memberClass, memberCode, serverCode] = codesOf(textAt(servers.texts, at)!)
  const hashes = range(servers.hashEnds, at)
  return {
    // It is named for each message: what cannot change has its text made once.
    id: Object.freeze({ instance, memberClass, memberCode, serverCode } as ServerId),
    address: textAt(servers.addresses, at),
    authCertHashes: hashes.map((hash) => Buffer.from(textAt(servers.hashes, hash)!, 'hex')),
    get clients() {
      return range(servers.clientEnds, at).map((client) =>
        idOf(textAt(clients.texts, servers.clients[client]!)!),
      )
    },
    maintenance: servers.maintenance.find(([server]) => server === at)?.[1],
  }
}

function groupAt({ groups }: PackedShared, at: number): GlobalGroup {
  return {
    groupCode: groups.codes[at]!,
    description: groups.descriptions[at]!,
    members: range(groups.ends, at).map((member) => idOf(textAt(groups.members, member)!)),
  }
}

/** The numbers that belong to entry `at`, given the end of each entry. */
export function range(ends: Uint32Array, at: number): number[] {
  const from = at === 0 ? 0 : ends[at - 1]!
  return Array.from({ length: ends[at]! - from }, (_, more) => from + more)
}

function idOf(text: string): ClientId {
  const [instance, memberClass, memberCode, subsystemCode] = codesOf(text)
  const member = { instance, memberClass, memberCode } as MemberId
  return subsystemCode === undefined ? member : { ...member, subsystemCode }
}

/**
 * Reverses the encoding of `idText`. Also handles codes that occur in configurations but cannot be part of a
 * path.
 */
function codesOf(text: string): string[] {
  return text.split('/').map((code) => (code.includes('%') ? decodeURIComponent(code) : code))
}
