/**
 * Digests of the rows of the search index, one for each block of records. With them a continued run can check
 * every row without opening its record: a row that is changed, removed or added changes the digest of its
 * block.
 */
import { hash } from 'node:crypto'
import type { FoundRow } from '../../../reading/index/search-filter.ts'

/** Records in a block. If one row differs, the rows of the whole block are checked again. */
export const DIGEST_RECORDS = 8192

const NONE = Buffer.alloc(32)

type RowDigests = {
  /** Rows must be added in the order of their indexes. */
  add(row: FoundRow): void
  /** The digest of each block of the first `records` records, in base64. The last block may be incomplete. */
  of(records: number): string[]
}

/** Continues from the digests that `of` returned. */
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

/**
 * All fields that a search uses or shows. For `terms` the texts, because its number has a meaning only in
 * this database.
 */
function bytesOf(row: FoundRow): Buffer {
  const { idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers } = row
  const { contract, purpose, endpoint, keep_days, secrecy, user_hash, party_hash } = row
  const texts = [idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers]
  const more = [contract, purpose, endpoint, keep_days, secrecy].map(textOf)
  return Buffer.from(JSON.stringify([...texts.map(textOf), ...more, hexOf(user_hash), hexOf(party_hash)]))
}

/** As text, because one of the stores returns numbers as text. */
function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/** Somebody who changed the database may have stored any type instead of bytes. */
function hexOf(value: unknown): string | null {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : textOf(value)
}
