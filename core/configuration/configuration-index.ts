/**
 * Look-ups in one instance's configuration: members, servers, groups and certificates. Pure; the tables are
 * built once.
 */
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import type {
  PrivateParameters,
  SecurityServerInfo,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import {
  type ClientId,
  idText,
  type MemberId,
  memberOf,
  type ServerId,
  type SubsystemId,
  subsystemOf,
} from '#schemas/identifiers.ts'
import { indexTrust, type TrustIndex } from './index-trust.ts'
import { type PackedShared, packShared } from './pack-shared.ts'
import { placeOf, textAt } from './text-table.ts'
import { range, serverAt, unpackShared } from './unpack-shared.ts'

export type ConfigurationIndex = TrustIndex & {
  instance: string
  /**
   * Each access to members, servers and groups builds the list anew, so do not use it while processing a
   * message.
   */
  shared: SharedParameters
  privateParameters?: PrivateParameters | undefined
  /** Who may ask every server of the instance for its monitoring data. */
  monitoringClient?: ClientId | undefined
  ocspFreshnessSeconds: number
  timeStampingIntervalSeconds: number
  /** Whether the member or subsystem exists. */
  isRegistered(client: ClientId): boolean
  memberName(id: MemberId): string | undefined
  /** Undefined for a member, and for a subsystem that has no name. */
  subsystemName(id: ClientId): string | undefined
  /** The servers on which this client is registered, including those in maintenance. */
  serversOf(client: ClientId): readonly SecurityServerInfo[]
  /**
   * The server that registered this authentication certificate (SHA-256 of its DER; SHA-1 for a version 2
   * configuration). Also undefined when two servers registered it, because then it identifies neither.
   */
  serverByAuthCert(hash: Buffer): SecurityServerInfo | undefined
  server(id: ServerId): SecurityServerInfo | undefined
  /** Whether the client is the server's owner or registered on it. */
  isClientOf(server: ServerId, client: ClientId): boolean
  /** Whether the member owns the server, or the member or one of its subsystems is registered on it. */
  isMemberOnServer(server: ServerId, member: MemberId): boolean
  /** The servers that the member owns or on which it or one of its subsystems is registered. */
  serversOfMember(member: MemberId): SecurityServerInfo[]
  hasGlobalGroup(groupCode: string): boolean
  isInGlobalGroup(groupCode: string, client: ClientId): boolean
  /**
   * The certificate profile of an approved CA, by its certificateProfileInfo; undefined if the profile is
   * unknown.
   */
  profileOf(certificateProfileInfo: string): CertificateProfile | undefined
}

// X-Road's default and upper bound (LogManager); the job that uses the value applies the lower bound of 60 s.
const DEFAULT_TIME_STAMPING_SECONDS = 60
const MAX_TIME_STAMPING_SECONDS = 86_400

/** The most clients whose numbers are cached; the busiest servers have fewer. */
const MOST_REMEMBERED = 4096

/** Builds the look-ups of one instance from parsed values. */
export function indexConfiguration(
  shared: SharedParameters,
  privateParameters?: PrivateParameters,
  profiles?: CertificateProfile[],
): ConfigurationIndex {
  return indexPacked(packShared(shared), privateParameters, profiles)
}

/**
 * As `indexConfiguration`, from parameters that another thread has packed. Objects are made only when asked
 * for.
 */
export function indexPacked(
  packed: PackedShared,
  privateParameters?: PrivateParameters,
  profiles: CertificateProfile[] = [],
  monitoringClient?: ClientId,
): ConfigurationIndex {
  const shared = unpackShared(packed)
  const { clients, groups } = packed
  const numberOf = findClients(packed)
  const groupAt = new Map(groups.codes.map((code, at) => [code, at]))
  const nameOf = (client: ClientId): string | undefined => {
    const number = numberOf(client)
    return number === undefined ? undefined : textAt(clients.names, number)
  }
  const interval = privateParameters?.timeStampingIntervalSeconds ?? DEFAULT_TIME_STAMPING_SECONDS
  return {
    instance: shared.instance,
    shared,
    privateParameters,
    monitoringClient,
    ocspFreshnessSeconds: shared.ocspFreshnessSeconds,
    timeStampingIntervalSeconds: Math.min(Math.max(interval, 1), MAX_TIME_STAMPING_SECONDS),
    isRegistered: (client) => (numberOf(clientOf(client)) ?? clients.registered) < clients.registered,
    memberName: (id) => nameOf(memberOf(id)),
    subsystemName: (id) => (id.subsystemCode === undefined ? undefined : nameOf(clientOf(id))),
    hasGlobalGroup: (groupCode) => groupAt.has(groupCode),
    isInGlobalGroup: (groupCode, client) => {
      const at = groupAt.get(groupCode)
      if (at === undefined) return false
      const from = at === 0 ? 0 : groups.ends[at - 1]!
      return placeOf(groups.members, groups.sorted, idText(clientOf(client)), from, groups.ends[at]!).isThere
    },
    profileOf: (name) => builtInProfile(name) ?? profiles.find((one) => one.name === name),
    ...indexServers(packed, numberOf),
    ...indexTrust(shared),
  }
}

type NumberOf = (client: ClientId) => number | undefined

/** Caches recent answers, since one message asks for the same few clients several times. */
function findClients({ clients }: PackedShared): NumberOf {
  const remembered = new Map<string, number>()
  return (client) => {
    const text = idText(client)
    const known = remembered.get(text)
    if (known !== undefined) return known
    const { at, isThere } = placeOf(clients.texts, clients.sorted, text)
    if (!isThere) return undefined
    if (remembered.size === MOST_REMEMBERED) remembered.clear()
    remembered.set(text, clients.sorted[at]!)
    return clients.sorted[at]
  }
}

type ServerAnswers = Pick<
  ConfigurationIndex,
  'serversOf' | 'serverByAuthCert' | 'server' | 'isClientOf' | 'isMemberOnServer' | 'serversOfMember'
>

function indexServers(packed: PackedShared, numberOf: NumberOf): ServerAnswers {
  const { clients, servers, serving } = packed
  /** One object per server that was asked for. */
  const made = new Map<number, SecurityServerInfo>()
  const infoOf = (at: number): SecurityServerInfo => {
    let info = made.get(at)
    if (info === undefined) {
      info = serverAt(packed, at)
      made.set(at, info)
    }
    return info
  }
  const serverNumbers = new Map<string, number>()
  const numberOfServer = (id: ServerId): number | undefined => {
    const text = idText(id)
    const known = serverNumbers.get(text)
    if (known !== undefined) return known
    const { at, isThere } = placeOf(servers.texts, servers.sorted, text)
    if (!isThere) return undefined
    serverNumbers.set(text, servers.sorted[at]!)
    return servers.sorted[at]
  }
  const servingClient = new Map<number, readonly number[]>()
  const servingNumbers = (client: ClientId): readonly number[] => {
    const number = numberOf(clientOf(client))
    if (number === undefined) return []
    let numbers = servingClient.get(number)
    if (numbers === undefined) {
      numbers = range(serving.ends, number).map((at) => serving.servers[at]!)
      if (servingClient.size === MOST_REMEMBERED) servingClient.clear()
      servingClient.set(number, numbers)
    }
    return numbers
  }
  const isMemberOn = (server: number, member: number): boolean =>
    servers.owners[server] === member ||
    range(servers.clientEnds, server).some((at) => clients.memberOf[servers.clients[at]!] === member)
  return {
    serversOf: (client) => servingNumbers(client).map(infoOf),
    serverByAuthCert: (hash) => {
      const text = hash.toString('hex')
      const { hashes, hashesSorted, hashOf } = servers
      const { at, isThere } = placeOf(hashes, hashesSorted, text)
      if (!isThere) return undefined
      const server = hashOf[hashesSorted[at]!]!
      for (let next = at + 1; next < hashesSorted.length; next++) {
        if (textAt(hashes, hashesSorted[next]!) !== text) break
        if (hashOf[hashesSorted[next]!] !== server) return undefined
      }
      return infoOf(server)
    },
    server: (id) => {
      const number = numberOfServer(id)
      return number === undefined ? undefined : infoOf(number)
    },
    isClientOf: (id, client) => {
      const server = numberOfServer(id)
      return server !== undefined && servingNumbers(client).includes(server)
    },
    isMemberOnServer: (id, member) => {
      const server = numberOfServer(id)
      const number = numberOf(memberOf(member))
      return server !== undefined && number !== undefined && isMemberOn(server, number)
    },
    serversOfMember: (member) => {
      const number = numberOf(memberOf(member))
      if (number === undefined) return []
      return Array.from(servers.owners.keys())
        .filter((server) => isMemberOn(server, number))
        .map(infoOf)
    },
  }
}

/** The client part of an identifier that may be longer, such as a ServiceId. */
function clientOf(id: ClientId & { serviceCode?: string }): ClientId {
  if (id.serviceCode === undefined) return id
  return id.subsystemCode === undefined ? memberOf(id) : subsystemOf(id as SubsystemId)
}
