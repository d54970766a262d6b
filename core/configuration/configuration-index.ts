/** Answers who, where and by whom certified, out of one instance's configuration: pure look-ups, built once. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type {
  ApprovedCa,
  PrivateParameters,
  SecurityServerInfo,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import { type ClientId, idText, type MemberId, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { indexTrust } from './index-trust.ts'

export type IssuingCa = {
  ca: Certificate
  approved: ApprovedCa
  /** Certificates that may answer for this CA beside itself and its delegates. */
  responders: Certificate[]
  ocspUrls: string[]
}

export type ConfigurationIndex = {
  instance: string
  shared: SharedParameters
  privateParameters?: PrivateParameters | undefined
  ocspFreshnessSeconds: number
  timeStampingIntervalSeconds: number
  /** The member or subsystem exists. */
  isRegistered(client: ClientId): boolean
  memberName(id: MemberId): string | undefined
  /** The servers that serve this client, those in maintenance included. */
  serversOf(client: ClientId): readonly SecurityServerInfo[]
  /**
   * The server that registered this authentication certificate (SHA-256 of its DER; SHA-1 for a version 2
   * configuration); undefined also when two servers registered it, for then it names neither.
   */
  serverByAuthCert(hash: Buffer): SecurityServerInfo | undefined
  server(id: ServerId): SecurityServerInfo | undefined
  /** The client is the server's owner or registered on it. */
  isClientOf(server: ServerId, client: ClientId): boolean
  /** The member owns the server, or it or a subsystem of it is a client there. */
  isMemberOnServer(server: ServerId, member: MemberId): boolean
  isInGlobalGroup(groupCode: string, client: ClientId): boolean
  caCertificates(o?: { forSigning?: boolean }): { anchors: Certificate[]; intermediates: Certificate[] }
  /** The approved CA (or intermediate) that issued the certificate, by issuer name; among namesakes by signature. */
  caOf(certificate: Certificate): IssuingCa | undefined
  tsaCertificates: Certificate[]
  tsaUrls: { name: string; url: string }[]
  /** Certificates that the registry published but nobody can read; they are left out. */
  warnings: string[]
}

/** Several instances of a federation, by instance identifier. */
export type ConfigurationIndexes = Map<string, ConfigurationIndex>

// X-Road's default and upper bound (LogManager); its lower bound of 60 s is for the job that uses the value to apply.
const DEFAULT_TIME_STAMPING_SECONDS = 60
const MAX_TIME_STAMPING_SECONDS = 86_400

/** Builds the look-ups of one instance. */
export function indexConfiguration(
  shared: SharedParameters,
  privateParameters?: PrivateParameters,
): ConfigurationIndex {
  const keyOf = memoized()
  const { memberNames, registered } = indexMembers(shared, keyOf)
  const servers = indexServers(shared, keyOf)
  const groups = new Map(
    shared.globalGroups.map((group) => [
      group.groupCode,
      new Set(group.members.map((member) => idText(member))),
    ]),
  )
  const interval = privateParameters?.timeStampingIntervalSeconds ?? DEFAULT_TIME_STAMPING_SECONDS
  return {
    instance: shared.instance,
    shared,
    privateParameters,
    ocspFreshnessSeconds: shared.ocspFreshnessSeconds,
    timeStampingIntervalSeconds: Math.min(Math.max(interval, 1), MAX_TIME_STAMPING_SECONDS),
    isRegistered: (client) => registered.has(idText(clientOf(client))),
    memberName: (id) => memberNames.get(idText(memberOf(id))),
    isInGlobalGroup: (groupCode, client) => groups.get(groupCode)?.has(idText(clientOf(client))) ?? false,
    ...servers,
    ...indexTrust(shared),
  }
}

type KeyOf = (id: ClientId | ServerId) => string

/** The text form of an id; a configuration that was read holds one object for all mentions of an id. */
function memoized(): KeyOf {
  const texts = new Map<ClientId | ServerId, string>()
  return (id) => {
    let text = texts.get(id)
    if (text === undefined) {
      text = idText(id)
      texts.set(id, text)
    }
    return text
  }
}

function indexMembers(
  shared: SharedParameters,
  keyOf: KeyOf,
): { memberNames: Map<string, string>; registered: Set<string> } {
  const memberNames = new Map<string, string>()
  const registered = new Set<string>()
  for (const member of shared.members) {
    const key = keyOf(member.id)
    memberNames.set(key, member.name)
    registered.add(key)
    for (const subsystem of member.subsystems) registered.add(keyOf(subsystem.id))
  }
  return { memberNames, registered }
}

type ServerAnswers = Pick<
  ConfigurationIndex,
  'serversOf' | 'serverByAuthCert' | 'server' | 'isClientOf' | 'isMemberOnServer'
>

function indexServers(shared: SharedParameters, keyOf: KeyOf): ServerAnswers {
  const byId = new Map<string, SecurityServerInfo>()
  /** A list of one may be that of many clients; a longer one is the client's own. */
  const byClient = new Map<string, SecurityServerInfo[]>()
  const byHash = new Map<string, SecurityServerInfo | 'several'>()
  /** Asked of few servers: each is made when it is asked for. */
  const membersOf = new Map<SecurityServerInfo, Set<string>>()
  for (const server of shared.securityServers) {
    byId.set(keyOf(server.id), server)
    const alone = [server]
    const enter = (client: string): void => {
      const known = byClient.get(client)
      if (known === undefined) byClient.set(client, alone)
      else if (known.at(-1) === server) return
      else if (known.length === 1) byClient.set(client, [...known, server])
      else known.push(server)
    }
    enter(idText(memberOf(server.id)))
    for (const client of server.clients) enter(keyOf(client))
    for (const hash of server.authCertHashes) {
      const text = hash.toString('hex')
      const known = byHash.get(text)
      byHash.set(text, known === undefined || known === server ? server : 'several')
    }
  }
  const membersOn = (server: SecurityServerInfo): Set<string> => {
    let members = membersOf.get(server)
    if (members === undefined) {
      members = new Set([server.id, ...server.clients].map((id) => idText(memberOf(id))))
      membersOf.set(server, members)
    }
    return members
  }
  return {
    serversOf: (client) => byClient.get(idText(clientOf(client))) ?? [],
    serverByAuthCert: (hash) => {
      const found = byHash.get(hash.toString('hex'))
      return found === 'several' ? undefined : found
    },
    server: (id) => byId.get(idText(id)),
    isClientOf: (id, client) => {
      const server = byId.get(idText(id))
      return server !== undefined && (byClient.get(idText(clientOf(client)))?.includes(server) ?? false)
    },
    isMemberOnServer: (id, member) => {
      const server = byId.get(idText(id))
      return server !== undefined && membersOn(server).has(idText(memberOf(member)))
    },
  }
}

/** Only the client part of what may be a longer identifier, a ServiceId say. */
function clientOf(id: ClientId & { serviceCode?: string }): ClientId {
  if (id.serviceCode === undefined) return id
  return id.subsystemCode === undefined ? memberOf(id) : { ...memberOf(id), subsystemCode: id.subsystemCode }
}
