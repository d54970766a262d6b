/** Names of archives and of the containers in them, as X-Road makes them. */
import { isReceiptKind } from '#core/delivery/receipt.ts'

/** X-Road cuts the escaped query id at this length. */
const MAX_QUERY_ID = 226
const SEQUENCE_RADIX = 32
const DIGEST_CHARACTERS = 16

/**
 * `<query id>-<request|response>-<sequence in base 32>.asice`; the sequence is the record's index. Receipts
 * of deliveries, which X-Road has not, have their own kind there.
 */
export function containerName(q: { queryId: string; kind: string; index: number }): string {
  const type = q.kind === 'request' || isReceiptKind(q.kind) ? q.kind : 'response'
  return `${formEncoded(q.queryId).slice(0, MAX_QUERY_ID)}-${type}-${q.index.toString(SEQUENCE_RADIX)}.asice`
}

/**
 * `mlog-[<group>-]<first>-<last>-<first 16 characters of the digest>.zip`, with the times of the first and
 * last record.
 */
export function archiveName(q: { group: string; first: string; last: string; digest: string }): string {
  const group = q.group === '' ? '' : `${q.group}-`
  return `mlog-${group}${plainTime(q.first)}-${plainTime(q.last)}-${q.digest.slice(0, DIGEST_CHARACTERS)}.zip`
}

/**
 * As Java's URLEncoder: letters, digits and `.-*_` stay, a space becomes a plus, all other characters become
 * percent-encoded UTF-8.
 */
function formEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function plainTime(iso: string): string {
  return iso.slice(0, 19).replace(/[-:T]/g, '')
}
