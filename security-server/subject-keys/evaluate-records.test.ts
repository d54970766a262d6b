/**
 * What a thief gets with a stolen indexing credential, on both stores: no month that is over, only so much
 * per day, and all of it on record.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { eachDatabase } from '#test/databases.ts'
import { createHolder } from './holder.ts'
import { holderMigrations } from './store.ts'

const DAY = 86_400_000
const searches = { perPersonDay: 3, perCaseDay: 3, perDay: 3 }

const question = (index: number, count = 1, month = '2026-11') => ({
  index,
  month,
  subjects: Array.from({ length: count }, (_, i) => ({ type: 'x', identifier: `${index}${i}` })),
})

await eachDatabase(t, async (database, t) => {
  await migrate(database, holderMigrations)
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-holder-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  let now = Date.parse('2026-11-20T10:00:00Z')
  const limits = {
    ...{ ...searches, identifiersPerDay: 100, indexesPerDay: 1000 },
    ...{ lookUpsPerClientDay: 1, lookUpsPerDay: 1 },
  }
  const open = () => createHolder({ database, directory, clock: () => now, keepMonths: 6, limits })
  let holder = await open()
  const usedUp = { code: 'subject_evaluations_used_up' }
  const operations = async (operation: string) =>
    (await holder.audit.list({ limit: 500 })).filter((entry) => entry.operation === operation)

  await t.test('months are evaluated as the log has them, none that is over', async (t) => {
    // The first run over an old log.
    const old = ['2026-07', '2026-08', '2026-11'].map((month, i) => question(5000 + i, 1, month))
    t.match(await holder.evaluateRecords(old), [{ hashes: [/./] }, { hashes: [/./] }, { hashes: [/./] }])
    t.match(await holder.evaluateRecords([question(5003, 1, '2026-10')]), [{ hashes: [/./] }], 'a late one')
    for (const month of ['2026-09', '2026-08', '2026-07'])
      t.same(await holder.evaluateRecords([question(5004, 1, month)]), [{ index: 5004, without: 'refused' }])
    t.same(await holder.evaluateRecords([question(5004, 1, '2026-02')]), [
      { index: 5004, without: 'destroyed' },
    ])
    holder = await open()
    t.same(await holder.evaluateRecords([question(5001, 2, '2026-08')]), [
      { index: 5001, without: 'refused' },
    ])
    t.equal((await operations('refuseRecords')).length, 1, 'the first of a day at once')
    t.match(await holder.state(), { mark: 5004, today: { identifiers: 4, refused: 4 } })
  })

  await t.test('so many identifiers a day, and so far ahead, whatever is restarted', async (t) => {
    await t.rejects(
      holder.evaluateRecords([question(9_000_000_000_000_000)]),
      usedUp,
      'nor is the rest shut out',
    )
    t.match(await holder.evaluateRecords([question(5010, 64)]), [{ hashes: { length: 64 } }])
    holder = await open()
    await t.rejects(holder.evaluateRecords([question(5011, 33)]), { ...usedUp, message: /identifiersPerDay/ })
    t.match(await holder.evaluateRecords([question(5011, 32)]), [{ hashes: { length: 32 } }])
    t.match(await holder.evaluateRecords([question(5011, 32)]), [{ hashes: { length: 32 } }], 'again is free')
    await t.rejects(holder.evaluateRecords([question(5012)]), usedUp)
    const { mark, today } = await holder.state()
    t.match({ mark, today }, { mark: 5012, today: { identifiers: 100, indexes: 9, refused: 4, usedUp: 3 } })
    now += DAY
    await t.rejects(holder.evaluateRecords([question(7000)]), { ...usedUp, message: /indexesPerDay/ })
    t.match(await holder.evaluateRecords([question(6000)]), [{ hashes: [/./] }])
    now += DAY
    await t.rejects(holder.evaluateRecords([question(8000)]), usedUp)
    now += DAY
    // For a day no record of the log named a person.
    t.match(await holder.evaluateRecords([question(8000)]), [{ hashes: [/./] }])
    await t.rejects(holder.evaluateRecords([question(9500)]), usedUp)
  })

  await t.test('a case is one however it is written; refusals are bounded, and counted', async (t) => {
    const search = (number: string, person: string) => {
      const who = { id: person, name: person }
      return holder.evaluateSearch({ type: 'x', identifier: '1', case: number, reason: 'r', person: who })
    }
    const isUsedUp = { code: 'subject_searches_used_up' }
    await search('7', 'a')
    await search(' 7 ', 'b')
    await search('\uff17', 'c')
    limits.perDay = 100
    await t.rejects(search('7\t', 'd'), { ...isUsedUp, message: /this case/ })
    for (const bad of [' ', '7\u200b']) await t.rejects(search(bad, 'd'), { code: 'invalid_input' })
    for (let i = 0; i < 120; i++) await t.rejects(search('7', 'd'), isUsedUp)
    t.equal((await operations('refuseSearch')).length, 100)
    now += DAY
    await search('7', 'a')
    await holder.recordPastDays()
    await holder.recordPastDays()
    t.match(await operations('refuseSearches'), [{ target: 'day 2026-11-23', data: { refused: 121 } }])
    now -= DAY
  })

  await t.test('each day that is over is on record once, by indexes, months and how many', async (t) => {
    now += DAY
    await holder.recordPastDays()
    await holder.recordPastDays()
    const days = await operations('evaluateRecords')
    t.same(
      days.map(({ target }) => target),
      ['day 2026-11-23', 'day 2026-11-22', 'day 2026-11-21', 'day 2026-11-20'],
    )
    t.match(days.at(-1)?.data, {
      ...{ identifiers: 100, refused: 4, usedUp: 3, firstIndex: 5000, lastIndex: 5011 },
      ...{ firstMonth: '2026-07', lastMonth: '2026-11' },
    })
    t.match(days[1]?.data, { identifiers: 0, refused: 0, usedUp: 1, firstIndex: null })
    t.equal((await operations('refuseRecords')).length, 5)
    t.equal((await holder.audit.verify()).brokenAt, undefined)
  })

  await t.test('what is no identifier holds back no record after it', async (t) => {
    now += DAY
    const nothing = { ...question(8001), subjects: [{ type: 'x', identifier: ' \u0000' }] }
    t.match(await holder.evaluateRecords([nothing, question(8002)]), [
      { index: 8001, without: 'refused' },
      { index: 8002, hashes: [/./] },
    ])
  })
})
