/**
 * What records say besides, of many at once: what is appended meanwhile does not wait for all of them. And
 * what is read of one record beside its erasure.
 */
import path from 'node:path'
import t from 'tap'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import {
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  signedRecord,
} from '../../message-log/fixture.ts'
import { readLogKeys } from '../../message-log/keys/log-keys.ts'
import { createRecordStore, type RecordStore } from '../../message-log/records/store.ts'
import type { Tables } from '../../message-log/tables.ts'
import { logReads } from '../log-reads.ts'
import { readEvidence, readExtras } from './read-evidence.ts'

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const options = logOptions(folder, url)
  const log = await openTestLog(t, options)
  const records = await Promise.all(
    Array.from({ length: 50 }, async (_, at) => signedRecord({ extra: { consent: `n-${at}` } })),
  )
  const indexes = (await Promise.all(records.map((record) => log.append(record)))).map(({ index }) => index)

  await t.test('in the order that was asked for, a few at a time', async (t) => {
    const slices: number[] = []
    const readExtras: typeof log.parts.readExtras = (some) => {
      slices.push(some.length)
      return log.parts.readExtras(some)
    }
    const { extras } = logReads({ ...log, parts: { ...log.parts, readExtras } })
    const asked = [...indexes].reverse().slice(0, 45)
    const told = (await extras(asked)).map((extra) => extra?.consent)
    t.same(
      told,
      asked.map((index) => `n-${indexes.indexOf(index)}`),
    )
    t.same(slices, [20, 20, 5])
    t.same(await extras([]), [])
  })

  await t.test('a record that cannot be read takes no others along', async (t) => {
    const [sound, damaged, forgotten, proven] = indexes as [number, number, number, number]
    const database = await openDatabase(options.databaseUrl)
    t.teardown(() => database.close())
    const { index: plain } = await log.append(await signedRecord())
    await tablesOf<Tables>(database)
      .updateTable('record')
      .set({ content: Buffer.alloc(100, 1) })
      .where('idx', '=', damaged)
      .execute()
    const erasure = { case: '7', reason: 'a court says so' }
    await log.retention.erase({ ...erasure, mode: 'LEAF_ONLY', index: forgotten })
    await log.retention.erase({ ...erasure, mode: 'PROOF_KEPT', index: proven })
    const asked = [sound, damaged, forgotten, 10_000, proven, plain, indexes[4]!]
    const told = (await log.extras(asked)).map((extra) => extra && [extra.consent])
    t.same(told, [['n-0'], undefined, undefined, undefined, ['n-3'], [undefined], ['n-4']])
    const records = createRecordStore(database)
    const keyless = await readExtras({ records } as never, [sound], () => undefined)
    t.same(keyless, [undefined], 'nor one whose key is not here yet')
  })

  await t.test('what is told of a record is of one moment, also beside its erasure', async (t) => {
    const database = await openTestDatabase(options.databaseUrl, { readOnly: true })
    t.teardown(() => database.close())
    const keys = readLogKeys(path.join(folder, 'keys'))
    for (const mode of ['PROOF_KEPT', 'LEAF_ONLY'] as const) {
      const { index } = await log.append(await signedRecord({ kind: 'reply', direction: 'out' }))
      let erased: Promise<unknown> | undefined
      /** The first question about the record is answered, and no other one is asked yet. */
      const meanwhile = async <T>(found: Promise<T>): Promise<T> => {
        const answer = await found
        erased ??= log.retention.erase({ index, mode, case: '8', reason: 'a test' })
        await erased
        return answer
      }
      const records: RecordStore = {
        ...database.records,
        get: (idx) => meanwhile(database.records.get(idx)),
        state: (idx) => meanwhile(database.records.state(idx)),
      }
      const read = () => readEvidence({ ...database, records }, index, (id) => keys.byId.get(id))
      const before = await read()
      t.ok(erased !== undefined && before.message !== undefined && before.metadata !== undefined)
      t.match(before, { erased: undefined, erasureIndex: undefined }, 'what it was before')
      const after = await read()
      t.match(after, { message: undefined, erased: String, erasureIndex: Number })
      t.equal(after.metadata !== undefined, mode === 'PROOF_KEPT')
    }
  })
})
