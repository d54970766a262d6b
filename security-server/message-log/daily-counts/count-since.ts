/**
 * Counts records by their parties as they are indexed, until the day is over and the log commits to the
 * counts. Peers decide which parties and outcomes occur, so the rows are bounded: beyond the bound, new
 * parties and failed outcomes are counted together.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { NOT_TOLD } from '#core/log-export/daily-counts.ts'
import type { Tables } from '../tables.ts'
import { DIMENSIONS, type Dimensions, keyOf, textOf } from './dimensions.ts'

/** The fields by which a record is counted. */
export type CountedRecord = Dimensions & { time: string; secrecy: number }

/** The most rows of a day; a normal server has fewer parties, kinds and outcomes. */
export const MAX_ROWS = 5000
/** The most characters in a row's texts; longer ones are made on purpose. */
const MAX_TEXT = 1500
/** How many keys one query looks up. */
const PART = 500
const FINE = ['', 'ok']

/** Call within the transaction that moves the mark of the index, so that each record is counted once. */
export async function countSince(
  transaction: Kysely<Tables>,
  records: CountedRecord[],
  mostRows: number,
): Promise<void> {
  const counted = [...countsOf(records.map(shortened))]
  const known = await knownOf(transaction, counted)
  const row = await transaction
    .selectFrom('count_since')
    .select(({ fn }) => fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  let left = mostRows - Number(row.rows)
  const folded = counted.map((one) => {
    if (known.has(one.key.toString('hex'))) return one
    left--
    return left >= 0 || one.direction === '' ? one : withKey({ ...one, ...withoutParties(one) })
  })
  for (const one of merged(folded)) {
    const { records: more, from_time, to_time } = one
    await transaction
      .insertInto('count_since')
      .values(one)
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet((old) => ({
          records: old('count_since.records', '+', more),
          from_time: old
            .case()
            .when('count_since.from_time', '<', from_time)
            .then(old.ref('count_since.from_time'))
            .else(from_time)
            .end(),
          to_time: old
            .case()
            .when('count_since.to_time', '>', to_time)
            .then(old.ref('count_since.to_time'))
            .else(to_time)
            .end(),
        })),
      )
      .execute()
  }
}

type Row = Tables['count_since']

async function knownOf(transaction: Kysely<Tables>, rows: Row[]): Promise<Set<string>> {
  const known = new Set<string>()
  for (let at = 0; at < rows.length; at += PART) {
    const keys = rows.slice(at, at + PART).map(({ key }) => key)
    const found = await transaction.selectFrom('count_since').select('key').where('key', 'in', keys).execute()
    for (const { key } of found) known.add(Buffer.from(key).toString('hex'))
  }
  return known
}

/** Groups the records into rows; the key, a digest, is computed once per row. */
function countsOf(records: CountedRecord[]): Iterable<Row> {
  const all = new Map<string, Row>()
  for (const { direction, kind, outcome, client, service, peer, secrecy, time } of records) {
    const told = { direction, kind, outcome, client, service, peer, secrecy }
    const one = { ...told, key: NO_KEY, records: 1, from_time: time, to_time: time }
    const name = textOf(told)
    const known = all.get(name)
    if (known === undefined) all.set(name, withKey(one))
    else add(known, one)
  }
  return all.values()
}

function merged(rows: Row[]): Iterable<Row> {
  const all = new Map<string, Row>()
  for (const row of rows) {
    const name = row.key.toString('latin1')
    const known = all.get(name)
    if (known === undefined) all.set(name, { ...row })
    else add(known, row)
  }
  return all.values()
}

function add(known: Row, row: Row): void {
  known.records += row.records
  if (row.from_time < known.from_time) known.from_time = row.from_time
  if (row.to_time > known.to_time) known.to_time = row.to_time
}

const NO_KEY = Buffer.alloc(0)

function withKey(row: Row): Row {
  const { direction, kind, outcome, client, service, peer, secrecy } = row
  return {
    ...row,
    key: keyOf({ direction, kind, outcome, client, service, peer, secrecy }, createHash('sha256')),
  }
}

function shortened(record: CountedRecord): CountedRecord {
  const length = DIMENSIONS.reduce((sum, name) => sum + record[name].length, 0)
  const { direction, kind, time, secrecy } = record
  return length <= MAX_TEXT ? record : { direction, kind, time, secrecy, ...withoutParties(record) }
}

function withoutParties({
  outcome,
}: Pick<Dimensions, 'outcome'>): Pick<Dimensions, 'client' | 'service' | 'peer' | 'outcome'> {
  const told = FINE.includes(outcome) ? outcome : NOT_TOLD
  return { client: NOT_TOLD, service: NOT_TOLD, peer: NOT_TOLD, outcome: told }
}
