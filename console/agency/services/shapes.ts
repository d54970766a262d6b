/** What the API says of clients, their service descriptions, services, rights and local groups. */
import type { Field } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'

type ClientStatus =
  | 'SAVED'
  | 'REGISTRATION_IN_PROGRESS'
  | 'REGISTERED'
  | 'DISABLING_IN_PROGRESS'
  | 'DISABLED'
  | 'ENABLING_IN_PROGRESS'
  | 'DELETION_IN_PROGRESS'
  | 'GLOBAL_ERROR'

export type Client = {
  id: string
  memberName?: string
  subsystemName?: string
  status: ClientStatus
  connectionType: 'NOSSL' | 'SSLNOAUTH' | 'SSLAUTH'
  tlsCertificates: number
  services: number
}

export type DescriptionType = 'REST' | 'OPENAPI' | 'WSDL'

export type Endpoint = { id: number; method: string; path: string; base: boolean; generated: boolean }

export const SUBJECT_TYPES = ['SUBSYSTEM', 'GLOBALGROUP', 'LOCALGROUP'] as const
type SubjectType = (typeof SUBJECT_TYPES)[number]

export type Right = {
  id: number
  subjectType: SubjectType
  subjectId: string
  wholeService: boolean
  method?: string
  path?: string
  createdAt: string
  /** Why nobody can use it. */
  warning?: string
}

/** With the service that it is for. */
export type RightTo = Right & { serviceId: number; fullServiceId: string }

/**
 * Of a system of a client, or of the system of a service. A node that is older than the console may say the
 * hash alone.
 */
export type SystemCertificate = { sha256: string; subject?: string; notBefore?: string; notAfter?: string }

export type Service = {
  id: number
  serviceDescriptionId: number
  fullServiceId: string
  serviceCode: string
  serviceVersion?: string
  type: DescriptionType
  url: string
  timeoutMs: number
  /** 0: as many as come. */
  maxConcurrentCalls: number
  verifyTls: boolean
  validate: 'NONE' | 'REQUESTS' | 'ALL'
  allowEncodedSlash: boolean
  disabled: boolean
  tlsCertificates: SystemCertificate[]
  endpoints: Endpoint[]
  accessRights: Right[]
}

export type DocumentPart = { url: string; sha256: string }

export type Description = {
  id: number
  clientId: string
  type: DescriptionType
  url: string
  disabled: boolean
  disabledNotice: string
  updatedAt: string
  /** What was put into its document when that was fetched. */
  parts?: DocumentPart[]
  services: Service[]
}

export type Subject = { subjectType: SubjectType; subjectId: string; name: string }

type Place = { fullServiceId: string; method: string; path: string }

/** What a new document would change; `digest` covers all of it. */
export type Change = {
  document: { sha256: string; bytes: number; parts?: DocumentPart[] }
  /** Where the document is fetched from, if that changes. */
  address?: { from: string; to: string }
  same: boolean
  facts: { what: string; from: string; to: string }[]
  services: {
    added: { serviceCode: string; serviceVersion?: string; title: string; url: string }[]
    removed: { fullServiceId: string; url: string; tlsCertificates: number }[]
    changed: { fullServiceId: string; what: 'title' | 'address'; from: string; to: string; url: string }[]
  }
  endpoints: { added: Place[]; removed: Place[]; takenOver: Place[] }
  rightsLost: (Place & { subjectType: SubjectType; subjectId: string })[]
  contracts: { contract: string; version: number; title: string; goes: string[] }[]
  warnings: { code: string; text: string }[]
  digest: string
}

export type Group = {
  id: number
  clientId: string
  code: string
  description: string
  members: string[]
  /** Why some members let nobody in. */
  warnings: string[]
}

/** A member's id has three parts, a subsystem's four. */
export const isSubsystem = (id: string): boolean => id.split(':').length > 3

/** What a client is called: a subsystem by its name or its code, a member by its name. */
type Names = Pick<Client, 'id' | 'memberName' | 'subsystemName'>

export function clientName({ id, memberName, subsystemName }: Names): string {
  return isSubsystem(id) ? (subsystemName ?? id.split(':')[3]!) : (memberName ?? id)
}

export function connectionField(initial: Client['connectionType'] = 'SSLAUTH'): Field {
  return {
    ...{
      name: 'connectionType',
      title: 'clients.connection',
      hint: 'clients.connectionHint',
      type: 'select',
    },
    initial,
    options: (['SSLAUTH', 'SSLNOAUTH', 'NOSSL'] as const).map((value) => ({
      value,
      title: text(`clients.connection.${value}`),
    })),
  }
}

export const groupPath = (id: number): string => `/clients/groups/${id}`
export const clientPath = (id: string): string => `/clients/${id}`
export const descriptionPath = (id: number): string => `/clients/descriptions/${id}`
export const servicePath = (id: number): string => `/clients/services/${id}`

/** As people write it: `getPerson/v1`. */
export function serviceName({
  serviceCode,
  serviceVersion,
}: Pick<Service, 'serviceCode' | 'serviceVersion'>): string {
  return serviceVersion === undefined ? serviceCode : `${serviceCode}/${serviceVersion}`
}

/** By its service, or by the first of them and their number. */
export function descriptionName({ services, url }: Description): string {
  const [first, ...others] = services
  if (first === undefined) return url
  return others.length === 0 ? serviceName(first) : `${serviceName(first)} +${others.length}`
}
