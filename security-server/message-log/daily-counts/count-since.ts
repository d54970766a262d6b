/** Counts records as they are indexed, by their parties, until the day is over and the log commits to the counts. */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { DIMENSIONS, type Dimensions, keyOf } from '../search/traffic-store.ts'
import type { Tables } from '../tables.ts'

/** What a record is counted by. */
export type CountedRecord = Dimensions & { time: string; secrecy: number }

/** Within the transaction that moves the mark of the index, so that each record is counted once. */
export async function countSince(transaction: Kysely<Tables>, records: CountedRecord[]): Promise<void> {
  for (const counted of countsOf(records)) {
    const { records: more, from_time, to_time } = counted
    await transaction
      .insertInto('count_since')
      .values(counted)
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

function countsOf(records: CountedRecord[]): Tables['count_since'][] {
  const counted = new Map<string, Tables['count_since']>()
  for (const record of records) {
    const { direction, kind, outcome, client, service, peer, secrecy, time } = record
    const name = JSON.stringify([secrecy, ...DIMENSIONS.map((each) => record[each])])
    const known = counted.get(name)
    if (known === undefined) {
      const dimensions = { direction, kind, outcome, client, service, peer, secrecy }
      const key = keyOf(dimensions, createHash('sha256'))
      counted.set(name, { key, ...dimensions, records: 1, from_time: time, to_time: time })
      continue
    }
    known.records++
    if (time < known.from_time) known.from_time = time
    if (time > known.to_time) known.to_time = time
  }
  return [...counted.values()]
}
