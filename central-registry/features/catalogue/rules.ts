/**
 * Rules of the catalogue: the changes of a service, who may ask for access, and the contract terms of such a
 * request; pure.
 */
import { randomUUID } from 'node:crypto'
import { readContent } from '#core/contract/read-content.ts'
import type { ContractTerms } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { REST_METHODS } from '#schemas/wire.ts'
import type { Access, Endpoint } from './read-answers.ts'
import type { CatalogueServiceRow } from './tables.ts'

type Change = { what: string; before: string | null; after: string | null }

const SHOWN = ['title', 'description', 'version', 'contact', 'access', 'document', 'type', 'status'] as const
const DAY_MS = 86_400_000

/** The differences between the stored service and the one just read. */
export function changesOf(before: CatalogueServiceRow, after: CatalogueServiceRow): Change[] {
  const changed = SHOWN.filter((name) => before[name] !== after[name]).map((name) => ({
    ...{ what: name, before: before[name], after: after[name] },
  }))
  const [old, now] = [before, after].map((row) =>
    (JSON.parse(row.endpoints) as Endpoint[]).map(({ method, path }) => `${method} ${path}`),
  )
  const gone = old!.filter((one) => !now!.includes(one))
  const added = now!.filter((one) => !old!.includes(one))
  if (gone.length + added.length === 0) return changed
  const listed = (all: string[]): string | null => (all.length === 0 ? null : all.join('\n').slice(0, 4000))
  return [...changed, { what: 'endpoints', before: listed(gone), after: listed(added) }]
}

/** Throws `contract_not_possible` when the provider accepts no requests of this client. */
export function checkMayRequest(access: Access, client: string, groups: readonly string[]): void {
  if (access === 'everybody') return
  if (access !== 'nobody') {
    const { memberClass } = parseSubsystemId(client)
    if (access.memberClasses.includes(memberClass)) return
    if (access.globalGroups.some((code) => groups.includes(code))) return
  }
  throw new Fault('contract_not_possible', { what: say`the provider takes no requests of this subsystem` })
}

export type AccessRequest = {
  client: string
  purpose: string
  legalBasis: string
  personalData: boolean
  contactName: string
  contactEmail: string
  retentionDays?: Whole
  /** A selection of the service's endpoints; all of them when absent. */
  endpoints?: Endpoint[]
  validUntil?: Time
}

const YEAR_DAYS = 365
const RETENTION_DAYS = 3650

/**
 * Drafts the body of `POST /contracts` at the consumer's security server: complete terms, which can be
 * proposed unchanged, and the member that proposes. Throws `contract_not_possible` for an endpoint that the
 * service lacks, `invalid_contract` with the place of the mistake.
 */
export function draftOf(
  row: Pick<CatalogueServiceRow, 'provider' | 'service_code' | 'endpoints' | 'title'>,
  q: AccessRequest,
  now: number,
): { terms: ContractTerms; member: string } {
  const iso = (ms: number): string => new Date(ms).toISOString()
  const validFrom = iso(now)
  const validUntil = q.validUntil ?? iso(now + YEAR_DAYS * DAY_MS)
  const member = idText(memberOf(parseSubsystemId(q.client)))
  const all = JSON.parse(row.endpoints) as Endpoint[]
  // A contract names calls, and security servers carry no other methods.
  const callable = all.filter(({ method }) => method === '*' || REST_METHODS.has(method))
  const chosen = q.endpoints ?? (all.length === 0 ? [{ method: '*', path: '**' }] : callable)
  if (chosen.length === 0)
    throw new Fault('contract_not_possible', { what: say`security servers carry no method of the service` })
  const strange = chosen.find(
    (one) => all.length > 0 && !all.some(({ method, path }) => method === one.method && path === one.path),
  )
  if (strange !== undefined)
    throw new Fault('contract_not_possible', {
      what: say`the service has no ${strange.method} ${strange.path}`,
    })
  const terms: ContractTerms = {
    title: row.title || row.service_code,
    provider: row.provider,
    consumers: { subsystems: [q.client] },
    services: [{ serviceCode: row.service_code, endpoints: chosen }],
    purpose: q.purpose,
    legalBasis: q.legalBasis,
    personalData: q.personalData,
    logLevel: 'full',
    retentionDays: q.retentionDays ?? RETENTION_DAYS,
    ...{ validFrom, validUntil, reviewAt: iso((now + Date.parse(validUntil)) / 2) },
    ...{ critical: false, outageGraceHours: 0 },
    contacts: [{ member, name: q.contactName, email: q.contactEmail }],
  }
  readContent({ ...terms, contract: randomUUID(), version: 1 })
  return { terms, member: member.replaceAll('/', ':') }
}
