/** The rows as one immutable view for the message path: every look-up is a map access. Pure. */
import {
  type ClientId,
  idText,
  parseClientId,
  type ServiceId,
  type SubsystemId,
} from '#schemas/identifiers.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { EndpointRights, SubjectType } from './access.ts'
import { type Standing, standingOf } from './client-status.ts'
import { declaredByShape, type Endpoint } from './endpoints.ts'
import type { DocumentPart } from './join-wsdl.ts'
import type { Rows } from './store.ts'
import { ORIGIN } from './tables.ts'

export type AuthenticationMode = 'NOSSL' | 'SSLNOAUTH' | 'SSLAUTH'

export type ClientCertificate = { sha256: string; der: Buffer; notBefore: Date; notAfter: Date }

type ServiceCertificate = { sha256: string; der: Buffer }

/** WSDL: SOAP services, as many as its document has operations. */
export type DescriptionType = 'REST' | 'OPENAPI' | 'WSDL'

/** `NONE` for REST, which has no description. */
export type Validate = 'NONE' | 'REQUESTS' | 'ALL'

export type LocalService = {
  id: ServiceId
  type: DescriptionType
  /** The base address; the service path of a REST request is appended to it. */
  url: string
  timeoutMs: Whole
  /** The calls that its system takes at once; undefined: as many as come. */
  maxConcurrentCalls: Whole | undefined
  verifyTls: boolean
  /** Which messages are held against its description. */
  validate: Validate
  /**
   * PEM certificates: the one that the service presents must be one of these or issued by one. When
   * undefined, the system's CAs decide.
   */
  trustedCertificates: string[] | undefined
  /** Set, possibly to '', while the service is disabled. */
  disabledNotice: string | undefined
  allowEncodedSlash: boolean
  /** The OpenAPI or WSDL document for clients, without the addresses of its servers. */
  documentText: string | undefined
}

type AccessRight = {
  id: Whole
  endpoint: Whole
  subjectType: SubjectType
  subject: string
  createdAt: Time
}

export type ServiceDescription = {
  id: Whole
  client: SubsystemId
  type: DescriptionType
  url: string
  disabled: boolean
  disabledNotice: string
  updatedAt: Time
  /** The OpenAPI or WSDL document as it was uploaded, or fetched with what it imports; '' for REST. */
  document: string
  /** What was fetched beside it and put into it. */
  parts: DocumentPart[]
  services: ServiceView[]
}

export type ServiceView = {
  key: Whole
  description: Whole
  service: LocalService
  certificates: ServiceCertificate[]
  endpoints: Endpoint[]
  accessRights: AccessRight[]
  /** `accessRights` in the form that `isAllowed` needs; in the order of the endpoints. */
  rights: EndpointRights[]
  /** The endpoints of its description, in the form that `declaredEndpoint` needs. */
  declared: ReadonlyMap<string, Endpoint[]>
}

export type LocalGroup = {
  id: Whole
  client: ClientId
  code: string
  description: string
  members: ClientId[]
}

export type ClientView = {
  id: ClientId
  authenticationMode: AuthenticationMode
  createdAt: Time
  standing: Standing
  certificates: ClientCertificate[]
  descriptions: ServiceDescription[]
  groups: LocalGroup[]
}

export type View = {
  counter: Whole
  clients: ReadonlyMap<string, ClientView>
  /** By the text form of the service's id. */
  services: ReadonlyMap<string, ServiceView>
  servicesByKey: ReadonlyMap<number, ServiceView>
  descriptions: ReadonlyMap<number, ServiceDescription>
  groups: ReadonlyMap<number, LocalGroup>
}

export function buildView(rows: Rows): View {
  const groups = new Map<number, LocalGroup>()
  const members = groupBy(rows.members, (row) => Number(row.local_group))
  for (const row of rows.groups) {
    const id = Number(row.id)
    const of = (members.get(id) ?? []).map(({ member }) => parseClientId(member))
    groups.set(id, {
      id,
      client: parseClientId(row.client),
      code: row.code,
      description: row.description,
      members: of,
    })
  }
  const servicesByKey = buildServices(rows, groups)
  const descriptions = new Map<number, ServiceDescription>()
  const byDescription = groupBy([...servicesByKey.values()], (service) => service.description)
  for (const row of rows.descriptions) {
    const id = Number(row.id)
    descriptions.set(id, {
      id,
      client: parseClientId(row.client) as SubsystemId,
      type: row.type as ServiceDescription['type'],
      url: row.url,
      disabled: Number(row.disabled) === 1,
      disabledNotice: row.disabled_notice,
      updatedAt: row.updated_at,
      document: row.document,
      parts: JSON.parse(row.parts) as DocumentPart[],
      services: byDescription.get(id) ?? [],
    })
  }
  const services = new Map<string, ServiceView>()
  for (const each of servicesByKey.values()) services.set(idText(each.service.id), each)
  return {
    counter: rows.counter,
    clients: buildClients(rows, [...descriptions.values()], [...groups.values()]),
    services,
    servicesByKey,
    descriptions,
    groups,
  }
}

function buildClients(
  rows: Rows,
  descriptions: ServiceDescription[],
  groups: LocalGroup[],
): Map<string, ClientView> {
  const certificates = groupBy(rows.certificates, (row) => row.client)
  const ownDescriptions = groupBy(descriptions, (each) => idText(each.client))
  const ownGroups = groupBy(groups, (each) => idText(each.client))
  const clients = new Map<string, ClientView>()
  for (const row of rows.clients) {
    clients.set(row.id, {
      id: parseClientId(row.id),
      authenticationMode: row.authentication_mode as AuthenticationMode,
      createdAt: row.created_at,
      standing: standingOf(row),
      certificates: (certificates.get(row.id) ?? []).map((certificate) => ({
        sha256: certificate.sha256,
        der: certificate.der,
        notBefore: new Date(certificate.not_before),
        notAfter: new Date(certificate.not_after),
      })),
      descriptions: ownDescriptions.get(row.id) ?? [],
      groups: ownGroups.get(row.id) ?? [],
    })
  }
  return clients
}

function buildServices(rows: Rows, groups: Map<number, LocalGroup>): Map<number, ServiceView> {
  const endpoints = groupBy(rows.endpoints, (row) => Number(row.service))
  const rights = groupBy(rows.rights, (row) => Number(row.endpoint))
  const certificates = groupBy(rows.serviceCertificates, (row) => Number(row.service))
  const descriptions = new Map(rows.descriptions.map((row) => [Number(row.id), row]))
  const found = new Map<number, ServiceView>()
  for (const row of rows.services) {
    const key = Number(row.id)
    const description = descriptions.get(Number(row.description))
    // The description was deleted between two reads of this load: the next poll reads again.
    if (description === undefined) continue
    const shown = (certificates.get(key) ?? []).map(({ sha256, der }) => ({ sha256, der }))
    const owned = [...groups.values()].filter((group) => idText(group.client) === row.client)
    const own = (endpoints.get(key) ?? []).map((each) => ({
      id: Number(each.id),
      method: each.method,
      path: each.path,
      base: Number(each.origin) === ORIGIN.base,
      generated: Number(each.origin) === ORIGIN.document,
    }))
    const given = own.flatMap((endpoint) =>
      (rights.get(endpoint.id) ?? []).map((right) => ({
        id: Number(right.id),
        endpoint: endpoint.id,
        subjectType: right.subject_type as SubjectType,
        subject: right.subject,
        createdAt: right.created_at,
      })),
    )
    found.set(key, {
      key,
      description: Number(row.description),
      service: {
        id: serviceIdOf(row.client, row.code),
        type: description.type as LocalService['type'],
        url: row.url,
        timeoutMs: Number(row.timeout_ms),
        maxConcurrentCalls: Number(row.max_concurrent_calls) || undefined,
        verifyTls: Number(row.verify_tls) === 1,
        validate: row.validate as Validate,
        trustedCertificates: shown.length === 0 ? undefined : shown.map(({ der }) => certificatePem(der)),
        disabledNotice: Number(description.disabled) === 1 ? description.disabled_notice : undefined,
        allowEncodedSlash: Number(row.allow_encoded_slash) === 1,
        documentText: description.published === '' ? undefined : description.published,
      },
      certificates: shown,
      endpoints: own,
      accessRights: given,
      rights: own.map((endpoint) => rightsOf(endpoint, given, owned)),
      declared: declaredByShape(own),
    })
  }
  return found
}

/** `code` is a service code, or code and version as they stand in an identifier. */
function serviceIdOf(client: string, code: string): ServiceId {
  const [serviceCode, serviceVersion] = code.split('/') as [string, string?]
  const service = { ...(parseClientId(client) as SubsystemId), serviceCode }
  return serviceVersion === undefined ? service : { ...service, serviceVersion }
}

/** The rights of one endpoint. Local groups count only for the services of the client that made them. */
function rightsOf(endpoint: Endpoint, given: AccessRight[], owned: LocalGroup[]): EndpointRights {
  const of = (type: SubjectType) =>
    given
      .filter((right) => right.endpoint === endpoint.id && right.subjectType === type)
      .map((right) => right.subject)
  const codes = new Set(of('LOCALGROUP'))
  return {
    method: endpoint.method,
    path: endpoint.path,
    subsystems: new Set(of('SUBSYSTEM')),
    globalGroups: of('GLOBALGROUP'),
    localGroups: owned
      .filter((group) => codes.has(group.code))
      .map((group) => new Set(group.members.map((member) => idText(member)))),
  }
}

/** PEM text of a DER certificate. */
export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function groupBy<T, K>(list: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const each of list) {
    const key = keyOf(each)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [each])
    else group.push(each)
  }
  return groups
}
