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
    memberNames.set(keyOf(member.id), member.name)
    registered.add(keyOf(member.id))
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
  const byClient = new Map<string, SecurityServerInfo[]>()
  const byHash = new Map<string, SecurityServerInfo | 'several'>()
  const clientsOf = new Map<string, Set<string>>()
  const membersOf = new Map<string, Set<string>>()
  for (const server of shared.securityServers) {
    const serverKey = keyOf(server.id)
    const owner = idText(memberOf(server.id))
    const clients = new Set([owner])
    const members = new Set([owner])
    byId.set(serverKey, server)
    for (const client of server.clients) {
      clients.add(keyOf(client))
      members.add(client.subsystemCode === undefined ? keyOf(client) : parentKey(keyOf(client)))
    }
    for (const client of clients) {
      const list = byClient.get(client)
      if (list === undefined) byClient.set(client, [server])
      else list.push(server)
    }
    clientsOf.set(serverKey, clients)
    membersOf.set(serverKey, members)
    for (const hash of server.authCertHashes) {
      const text = hash.toString('hex')
      const known = byHash.get(text)
      byHash.set(text, known === undefined || known === server ? server : 'several')
    }
  }
  return {
    serversOf: (client) => byClient.get(idText(clientOf(client))) ?? [],
    serverByAuthCert: (hash) => {
      const found = byHash.get(hash.toString('hex'))
      return found === 'several' ? undefined : found
    },
    server: (id) => byId.get(idText(id)),
    isClientOf: (server, client) => clientsOf.get(idText(server))?.has(idText(clientOf(client))) ?? false,
    isMemberOnServer: (server, member) =>
      membersOf.get(idText(server))?.has(idText(memberOf(member))) ?? false,
  }
}

/** A member's key out of its subsystem's: an encoded segment holds no slash. */
function parentKey(subsystemKey: string): string {
  return subsystemKey.slice(0, subsystemKey.lastIndexOf('/'))
}

/** Only the client part of what may be a longer identifier, a ServiceId say. */
function clientOf(id: ClientId & { serviceCode?: string }): ClientId {
  if (id.serviceCode === undefined) return id
  return id.subsystemCode === undefined ? memberOf(id) : { ...memberOf(id), subsystemCode: id.subsystemCode }
}
