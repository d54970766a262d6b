/**
 * Decides whether a listed record is in an order's scope. Server and authority both decide with this
 * function.
 */
import { colons } from '#core/log-export/is-row-of.ts'
import type { AuditScope } from '#schemas/audit-order.ts'
import type { FoundRecord } from '#schemas/found-record.ts'

/**
 * `unsaid`: the record matches the rest of the scope, but does not state its contract's purpose or its
 * endpoint: its log level or an older version omitted it, or the circumstances that the record names are
 * lost.
 */
export type InScope = 'in' | 'unsaid' | 'out'

export function inScope(row: FoundRecord, scope: AuditScope): InScope {
  const { parties, services, contract, purposes, endpoints, from, to } = scope
  const isOther =
    row.time < from ||
    row.time >= to ||
    (parties !== undefined && !parties.some((party) => isOf(row, colons(party)!))) ||
    (services !== undefined && !services.some((service) => row.serviceId === colons(service))) ||
    (contract !== undefined && !isUnder(row.contract ?? '', contract))
  if (isOther) return 'out'
  // Only contracts have purposes, so a record without a contract is out of a scope with purposes.
  const asked = [
    purposes === undefined ? 'in' : said(row.purpose, purposes, row.contract ? 'unsaid' : 'out'),
    endpoints === undefined ? 'in' : said(row.endpoint, endpoints, 'unsaid'),
  ]
  return (['out', 'unsaid'] as const).find((one) => asked.includes(one)) ?? 'in'
}

/**
 * The form that a scope needs. Form 2 adds purposes, endpoints and contract versions; servers that know only
 * form 1 refuse an order that states form 2.
 */
export function formOf({ contract, purposes, endpoints }: AuditScope): 1 | 2 {
  return purposes === undefined && endpoints === undefined && contract?.includes('/') !== true ? 1 : 2
}

function said(text: string | null | undefined, asked: readonly string[], otherwise: InScope): InScope {
  if (!text) return otherwise
  return asked.includes(text) ? 'in' : 'out'
}

function isOf({ clientId, serviceId }: FoundRecord, party: string): boolean {
  return clientId === party || [clientId, serviceId].some((id) => id?.startsWith(`${party}:`))
}

/** All versions of a contract, or the one that is named. */
function isUnder(contract: string, asked: string): boolean {
  return asked.includes('/') ? contract === asked : contract.startsWith(`${asked}/`)
}
