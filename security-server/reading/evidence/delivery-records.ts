/**
 * The records of a delivery among those with one query id: its receipts, and the exchange that carried it.
 */
import { isReceiptKind } from '#core/delivery/receipt.ts'
import type { SearchRow } from '../index/search-filter.ts'

type Row = Pick<SearchRow, 'idx' | 'kind' | 'client' | 'service' | 'answers'>
type Parties = { client?: string | undefined; service?: string | undefined }

/**
 * A client system may use the id of a delivery for other exchanges: only records of the same parties count.
 */
function areOf({ client, service }: Row, of: Parties): boolean {
  return client === of.client && service === of.service
}

/** Indexes of the receipts, in the order of the rows. */
export function receiptsAmong(rows: readonly Row[], of: Parties): number[] {
  return rows.filter((row) => isReceiptKind(row.kind) && areOf(row, of)).map(({ idx }) => Number(idx))
}

/**
 * The index of the request that carried the delivery: the newest with a reply, else the newest. Several
 * exchanges carry it when some failed; undefined when none was begun.
 */
export function carrierAmong(rows: readonly Row[], of: Parties): number | undefined {
  const requests = rows.filter((row) => row.kind === 'request' && areOf(row, of))
  const answered = new Set(rows.filter(({ kind }) => kind === 'reply').map(({ answers }) => Number(answers)))
  const indexes = requests.map(({ idx }) => Number(idx)).sort((a, b) => b - a)
  return indexes.find((index) => answered.has(index)) ?? indexes[0]
}
