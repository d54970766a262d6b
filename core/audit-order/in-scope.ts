/**
 * Whether a record that is listed lies in an order's scope; and whether it may, because it does not say by what the scope is
 * narrowed. Server and authority judge by this alike.
 */
import { colons } from '#core/log-export/is-row-of.ts'
import type { AuditScope } from '#schemas/audit-order.ts'
import type { FoundRecord } from '#schemas/found-record.ts'

/**
 * `unsaid`: it fits all else, and does not say its contract's purpose or its endpoint, since its log
 * level or an older version left that out, or what it named is lost.
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
  // A purpose is that of a contract: what is under none has none.
  const asked = [
    purposes === undefined ? 'in' : said(row.purpose, purposes, row.contract ? 'unsaid' : 'out'),
    endpoints === undefined ? 'in' : said(row.endpoint, endpoints, 'unsaid'),
  ]
  return (['out', 'unsaid'] as const).find((one) => asked.includes(one)) ?? 'in'
}

/** What servers of before the second form do not know; they refuse an order that says this number. */
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
