/**
 * What a new document would change in a service description: nothing else is changed when it is applied.
 * Pure.
 */
import { hash } from 'node:crypto'
import type { ServiceId } from '#schemas/identifiers.ts'
import type { SubjectType } from './access.ts'
import type { DocumentPart } from './join-wsdl.ts'
import type { NewEndpoint } from './services/store.ts'
import type { ServiceDescription, ServiceView } from './view.ts'

/** What a document says, be it OpenAPI or WSDL. */
export type DocumentSummary = {
  /** Of the document as a whole: title, version and the like. */
  facts: Record<string, string>
  /** OPENAPI: the one service without a code, which the administrator gives. */
  services: { code: string | undefined; title: string; url: string | undefined }[]
  /** OPENAPI only: a WSDL's services have none. */
  endpoints: NewEndpoint[]
  warnings: string[]
}

export type ServiceEndpoint = NewEndpoint & { service: ServiceId }

export type DescriptionChange = {
  /** `parts`: what was fetched beside it and put into it, if there is any. */
  document: { sha256: string; bytes: number; parts?: DocumentPart[] }
  /** Where the document is fetched from, if that changes. */
  address?: { from: string; to: string } | undefined
  /** The document in force; not read if it has to be read otherwise than when it was taken. */
  present: { sha256: string; isRead: boolean; parts?: DocumentPart[] }
  /** Title and version of the document. */
  facts: { what: string; from: string; to: string }[]
  services: {
    /** `code`, or `code/version`. */
    added: { code: string; title: string; url: string }[]
    removed: { service: ServiceId; url: string; tlsCertificates: number }[]
    /** What the documents say; of an address the service keeps its own, `url`. */
    changed: { service: ServiceId; what: 'title' | 'address'; from: string; to: string; url: string }[]
  }
  endpoints: {
    added: ServiceEndpoint[]
    removed: ServiceEndpoint[]
    /** Those that were added by hand and count as the document's from now on. */
    takenOver: ServiceEndpoint[]
  }
  rightsLost: (ServiceEndpoint & { subjectType: SubjectType; subject: string })[]
  /** What the new document says and is not taken from it. */
  warnings: string[]
}

/** Where a document was fetched from, which is kept, what was put into it, and what is to be said of that. */
export type FetchedFrom = { url: string; parts: DocumentPart[]; warnings: string[] }

/** The documents as they were read. `present` is undefined when the one in force cannot be read any more. */
type Documents = {
  text: string
  from: FetchedFrom | undefined
  next: DocumentSummary
  present: DocumentSummary | undefined
}

/** `added` are the services that do not exist yet, with the address that they would get. */
export function changeOf(
  description: ServiceDescription,
  { text, from, next, present }: Documents,
  added: { code: string; url: string }[],
): DescriptionChange {
  const isWsdl = description.type === 'WSDL'
  const wanted = new Set(next.services.map(({ code }) => code))
  const removed = isWsdl ? description.services.filter((one) => !wanted.has(codeOf(one.service.id))) : []
  const kept = description.services.filter((one) => !removed.includes(one))
  const endpoints = isWsdl ? NO_ENDPOINTS : endpointsChange(kept, next.endpoints)
  const titles = new Map(next.services.map(({ code, title }) => [code, title]))
  const url = from?.url
  const parts = from?.parts ?? (text === description.document ? description.parts : [])
  return {
    document: { sha256: hash('sha256', text), bytes: Buffer.byteLength(text), ...partsOf(parts) },
    address: url === undefined || url === description.url ? undefined : { from: description.url, to: url },
    present: {
      ...{ sha256: hash('sha256', description.document), isRead: present !== undefined },
      ...partsOf(description.parts),
    },
    facts: factsChange(present, next),
    services: {
      added: added.map(({ code, url }) => ({ code, title: titles.get(code) ?? '', url })),
      removed: removed.map(({ service, certificates }) => ({
        ...{ service: service.id, url: service.url, tlsCertificates: certificates.length },
      })),
      changed: kept.flatMap((one) => saidOf(one, isWsdl, present, next)),
    },
    endpoints,
    rightsLost: rightsLost(description.services, new Set(removed), endpoints.removed),
    warnings: [...next.warnings, ...(from?.warnings ?? [])],
  }
}

/**
 * Whether the new document is, byte for byte, the one in force, and comes with its parts from where that came
 * from.
 */
export function changesNothing({ document, present, address }: DescriptionChange): boolean {
  const isSame = document.sha256 === present.sha256 && address === undefined
  return isSame && JSON.stringify(document.parts) === JSON.stringify(present.parts)
}

function partsOf(parts: DocumentPart[]): { parts?: DocumentPart[] } {
  return parts.length === 0 ? {} : { parts }
}

/** As the rows have it: `code`, or `code/version`. */
export function codeOf({
  serviceCode,
  serviceVersion,
}: Pick<ServiceId, 'serviceCode' | 'serviceVersion'>): string {
  return serviceVersion === undefined ? serviceCode : `${serviceCode}/${serviceVersion}`
}

const NO_ENDPOINTS: DescriptionChange['endpoints'] = { added: [], removed: [], takenOver: [] }

function factsChange(
  present: DocumentSummary | undefined,
  next: DocumentSummary,
): DescriptionChange['facts'] {
  if (present === undefined) return []
  return Object.entries(next.facts)
    .map(([what, to]) => ({ what, from: present.facts[what] ?? '', to }))
    .filter(({ from, to }) => from !== to)
}

/** What the documents say of a service that stays. */
function saidOf(
  { service }: ServiceView,
  isWsdl: boolean,
  present: DocumentSummary | undefined,
  next: DocumentSummary,
): DescriptionChange['services']['changed'] {
  const find = (summary: DocumentSummary | undefined) =>
    summary?.services.find(({ code }) => !isWsdl || code === codeOf(service.id))
  const [before, after] = [find(present), find(next)]
  if (before === undefined || after === undefined) return []
  const { id, url } = service
  const changed: DescriptionChange['services']['changed'] = []
  if (before.title !== after.title)
    changed.push({ service: id, what: 'title', from: before.title, to: after.title, url })
  if (before.url !== after.url)
    changed.push({ service: id, what: 'address', from: before.url ?? '', to: after.url ?? '', url })
  return changed
}

function endpointsChange(services: ServiceView[], wanted: NewEndpoint[]): DescriptionChange['endpoints'] {
  const change: DescriptionChange['endpoints'] = { added: [], removed: [], takenOver: [] }
  for (const { service, endpoints } of services) {
    const missing = new Map(wanted.map((one) => [nameOf(one), one]))
    for (const { method, path, base, generated } of endpoints) {
      if (base) continue
      const stays = missing.delete(nameOf({ method, path }))
      const one = { service: service.id, method, path }
      if (!stays && generated) change.removed.push(one)
      if (stays && !generated) change.takenOver.push(one)
    }
    for (const { method, path } of missing.values()) change.added.push({ service: service.id, method, path })
  }
  return change
}

function rightsLost(
  services: ServiceView[],
  removed: ReadonlySet<ServiceView>,
  endpointsRemoved: ServiceEndpoint[],
): DescriptionChange['rightsLost'] {
  return services.flatMap((one) => {
    const gone = new Set(
      endpointsRemoved.filter(({ service }) => service === one.service.id).map((each) => nameOf(each)),
    )
    return one.accessRights.flatMap(({ endpoint, subjectType, subject }) => {
      const { method, path, base } = one.endpoints.find(({ id }) => id === endpoint)!
      const isLost = removed.has(one) || (!base && gone.has(nameOf({ method, path })))
      return isLost ? [{ service: one.service.id, method, path, subjectType, subject }] : []
    })
  })
}

function nameOf({ method, path }: NewEndpoint): string {
  return `${method} ${path}`
}
