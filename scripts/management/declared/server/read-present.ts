/** Reads the parts of a security server that its declared file can be compared with. */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../../client.ts'
import { inTurn, proposedAt, type Reading, readingOf, unless } from '../calls.ts'
import {
  codeOf,
  type Declared,
  type DeclaredDescription,
  type EventType,
  type RetentionClass,
  type SubjectPlace,
  type TrackerService,
} from './read-file.ts'

/** A part that the file does not declare is empty and was not asked for. */
export type Present = {
  clients: PresentClient[]
  subjectPlaces: (SubjectPlace & { id: number })[]
  retentionClasses: (RetentionClass & { services: string[] })[]
  trackerServices: TrackerService[]
  eventTypes: (Omit<EventType, 'keepDays'> & { id: number; keepDays: number })[]
  trackers: { clientId: string; isOn: boolean; isInSoap: boolean }[]
  consents: { clientId: string; isOn: boolean }[]
  /** SHA-256 of the content of each proposal that waits for a second person. */
  proposed: Set<string>
}

export type PresentClient = {
  id: string
  status: string
  connectionType: string
  tlsCertificates: Certificate[]
  localGroups: { id: number; code: string; description: string; members: string[] }[]
  serviceDescriptions: PresentDescription[]
}

export type PresentDescription = {
  id: number
  type: string
  url: string
  disabled: boolean
  disabledNotice: string
  services: PresentService[]
  /** Of the document in force, where the file says which one was fetched. */
  sha256?: string
  /**
   * What the declared document would change; undefined when it is in force, or when the file has none beside
   * it.
   */
  change?: { same: boolean; digest: string; warnings: unknown[]; isHidden?: boolean }
}

export type PresentService = {
  id: number
  serviceCode: string
  serviceVersion?: string
  url: string
  timeoutMs: number
  maxConcurrentCalls: number
  verifyTls: boolean
  validate: string
  allowEncodedSlash: boolean
  tlsCertificates: Certificate[]
  endpoints: { id: number; method: string; path: string; base: boolean; generated: boolean }[]
  accessRights: {
    id: number
    subjectType: string
    subjectId: string
    wholeService: boolean
    method: string
    path: string
  }[]
}

export type Certificate = { sha256: string; pem: string }

/** What this server itself answers: its services are switched on, not described. */
const KEPT_HERE = ['tracker:', 'consents:']

/**
 * `whole`: every part, as for a new file, except those that the caller's roles do not show: `hidden` names
 * them. Makes several calls; a change in between shows in the next comparison.
 */
export async function readPresent(
  api: ManagementApi,
  declared: Declared,
  { whole = false }: { whole?: boolean } = {},
): Promise<Present & { hidden: string[] }> {
  const reading = readingOf(api)
  const { get } = reading
  const hidden: string[] = []
  const part = async <T>(name: string, isAsked: boolean, ask: () => Promise<T[]>): Promise<T[]> => {
    if (!whole) return isAsked ? ask() : []
    const shown = await unless(403, ask())
    if (shown === undefined) hidden.push(name)
    return shown ?? []
  }
  const has = (name: 'tracker' | 'consents') =>
    declared.clients?.some((one) => one[name] !== undefined) === true
  const isAsked = (name: keyof Declared) => declared[name] !== undefined
  const trackers = await part(
    'trackers',
    has('tracker'),
    async () => (await get<{ trackers: Present['trackers'] }>('/trackers')).trackers,
  )
  if (hidden.includes('trackers')) hidden.push('trackerServices')
  const withTracker = whole
    ? trackers.filter(({ isOn }) => isOn).map(({ clientId }) => clientId)
    : [...new Set(declared.trackerServices?.map(({ clientId }) => clientId))]
  // 404: the file adds the client.
  const wordsOfUses = async (clientId: string): Promise<TrackerService[]> => {
    const at = `/tracker-services?${new URLSearchParams({ clientId })}`
    return ((await unless(404, get<TrackerService[]>(at))) ?? []).map((one) => ({ ...one, clientId }))
  }
  const all = await part('clients', isAsked('clients') || isAsked('subjectPlaces'), () =>
    clients(api, declared, reading),
  )
  const kept = all.flatMap(({ id, serviceDescriptions }) =>
    serviceDescriptions
      .filter(isKeptHere)
      .flatMap(({ services }) => services.map((one) => `${id}:${codeOf(one)}`)),
  )
  // The server itself declares those of what it answers.
  const places = async () =>
    (await get<Present['subjectPlaces']>('/subject-places')).filter(
      ({ serviceId }) => !kept.includes(serviceId),
    )
  return {
    clients: all,
    subjectPlaces: await part('subjectPlaces', isAsked('subjectPlaces'), places),
    retentionClasses: await part(
      'retentionClasses',
      isAsked('retentionClasses'),
      async () => (await get<{ classes: Present['retentionClasses'] }>('/message-log/retention')).classes,
    ),
    trackerServices: await part('trackerServices', isAsked('trackerServices'), async () =>
      (await inTurn(withTracker, wordsOfUses)).flat(),
    ),
    eventTypes: await part('eventTypes', isAsked('eventTypes'), () => eventTypes(get)),
    trackers,
    consents: await part('consents', has('consents'), () => get('/consents')),
    proposed: await proposedAt(reading),
    hidden,
  }
}

async function clients(
  api: ManagementApi,
  declared: Declared,
  { get, all }: Reading,
): Promise<PresentClient[]> {
  const known = await all<Omit<PresentClient, 'tlsCertificates'>>('/clients')
  const whole = async (client: (typeof known)[number]): Promise<PresentClient> => {
    const at = `/clients/${encodeURIComponent(client.id)}`
    const wanted = declared.clients?.find(({ id }) => id === client.id)
    const described = await get<PresentDescription[]>(`${at}/service-descriptions`)
    return {
      ...client,
      tlsCertificates: await get(`${at}/tls-certificates`),
      localGroups: await get(`${at}/local-groups`),
      serviceDescriptions: await inTurn(described, async (one) => {
        const { type, document, sha256 } = declaredFor(wanted?.serviceDescriptions, one) ?? {}
        if (type !== one.type) return one
        if (sha256 !== undefined) {
          const { bytes } = await documentOf(api, one.id)
          return { ...one, sha256: createHash('sha256').update(bytes).digest('hex') }
        }
        const change = document === undefined ? undefined : await changeBy(api, one.id, document)
        return change === undefined ? one : { ...one, change }
      }),
    }
  }
  return inTurn(known, whole, 'clients')
}

/** The declared description that has one of its services. */
export function declaredFor(
  declared: DeclaredDescription[] | undefined,
  { services }: Pick<PresentDescription, 'services'>,
): DeclaredDescription | undefined {
  const codes = new Set(services.map(codeOf))
  return declared?.find((one) => one.services.some((service) => codes.has(codeOf(service))))
}

/** Whether this server itself answers it. */
export function isKeptHere({ services }: Pick<PresentDescription, 'services'>): boolean {
  return services.some(({ url }) => KEPT_HERE.includes(url))
}

/** Of a tracker's services, the one in SOAP has a version. */
export function isSoap({ serviceVersion }: PresentService): boolean {
  return serviceVersion !== undefined
}

/** Undefined for the document in force: to compare another one is an act, which the server records. */
async function changeBy(
  api: ManagementApi,
  id: number,
  document: string,
): Promise<PresentDescription['change']> {
  const inForce = await documentOf(api, id)
  const body = Buffer.from(document)
  if (inForce.bytes.equals(body)) return undefined
  const headers = { 'content-type': 'application/octet-stream' }
  // 403: who only watches sees that it differs, and not what would change.
  const compared = await unless(
    403,
    api.send({ method: 'POST', url: `/api/v1/service-descriptions/${id}/document`, headers, body }),
  )
  if (compared === undefined) return { same: false, digest: '', warnings: [], isHidden: true }
  return JSON.parse(compared.bytes.toString('utf8')) as PresentDescription['change']
}

function documentOf(api: ManagementApi, id: number): ReturnType<ManagementApi['send']> {
  const url = `/api/v1/service-descriptions/${id}/document`
  return api.send({ method: 'GET', url, headers: {}, body: undefined })
}

async function eventTypes(get: Reading['get']): Promise<Present['eventTypes']> {
  const found: (Present['eventTypes'][number] & { hasSchema: boolean })[] = []
  for (;;) {
    const after = found.length === 0 ? '' : `&after=${found.at(-1)!.id}`
    const { items } = await get<{ items: typeof found }>(`/event-types?limit=200${after}`)
    found.push(...items)
    if (items.length < 200) break
  }
  return inTurn(found, (one) => (one.hasSchema ? get(`/event-types/${one.id}`) : Promise.resolve(one)))
}
