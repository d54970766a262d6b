/**
 * Digests of the rows of the search index, one for so many records, so that a run which goes on looks at every row without opening its
 * record. A row that was changed, taken out or put in changes the digest of its block.
 */
import { hash } from 'node:crypto'
import type { FoundRow } from '../../../reading/index/search-filter.ts'

/** Records of a block: what is looked at anew when one of its rows is another than it was. */
export const DIGEST_RECORDS = 8192

const NONE = Buffer.alloc(32)

type RowDigests = {
  /** In the order of their indexes. */
  add(row: FoundRow): void
  /** Of each block of the first `records` records, base64; the last one may still grow. */
  of(records: number): string[]
}

/** Goes on with what `of` said before. */
export function createRowDigests(before: { digests: string[] }): RowDigests {
  const digests = before.digests.map((one) => Buffer.from(one, 'base64'))
  return {
    add: (row) => {
      const block = Math.floor(Number(row.idx) / DIGEST_RECORDS)
      while (digests.length <= block) digests.push(NONE)
      digests[block] = hash('sha256', Buffer.concat([digests[block]!, bytesOf(row)]), 'buffer')
    },
    of: (records) =>
      Array.from({ length: Math.ceil(records / DIGEST_RECORDS) }, (_, block) =>
        (digests[block] ?? NONE).toString('base64'),
      ),
  }
}

/** All that a search finds by or shows; of `terms` the texts, since its number is the database's own. */
function bytesOf(row: FoundRow): Buffer {
  const { idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers } = row
  const { contract, purpose, endpoint, keep_days, secrecy, user_hash, party_hash } = row
  const texts = [idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers]
  const more = [contract, purpose, endpoint, keep_days, secrecy].map(textOf)
  return Buffer.from(JSON.stringify([...texts.map(textOf), ...more, hexOf(user_hash), hexOf(party_hash)]))
}

/** Numbers are text in one of the stores. */
function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/** A store may hold anything in the place of octets once somebody has changed it. */
function hexOf(value: unknown): string | null {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : textOf(value)
}
