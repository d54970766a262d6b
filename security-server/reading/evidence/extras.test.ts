/** What records say besides, of many at once: what is appended meanwhile does not wait for all of them. */
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../../message-log/fixture.ts'
import { logReads } from '../log-reads.ts'

await eachDatabase(t, async (_database, t, url) => {
  const log = await openTestLog(t, logOptions(logFolder(t), url))
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
})
