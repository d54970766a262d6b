/** The statement about the log's key is signed once a minute, also after the clock was set back. */
import t from 'tap'
import { createLogKeyStatement } from './log-key.ts'

t.test('a statement is reused for a minute, and none of a time that has not come', async (t) => {
  const signed: string[] = []
  let now = Date.UTC(2026, 11, 3, 12)
  const statement = createLogKeyStatement({
    server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1', serverCode: 'ss1' },
    logKey: async () => 'DEV/GOV/1/ss1+0+key',
    sign: async ({ createdAt }) => {
      signed.push(createdAt)
      return createdAt
    },
    clock: () => now,
  })
  const said = async (): Promise<string> => (await statement()).toString()
  t.equal(await said(), '2026-12-03T12:00:00.000Z')
  now += 59_999
  t.equal(await said(), '2026-12-03T12:00:00.000Z')
  now += 1
  t.equal(await said(), '2026-12-03T12:01:00.000Z')
  now -= 3_600_000
  t.equal(await said(), '2026-12-03T11:01:00.000Z', 'the clock was set back by an hour')
  t.equal(signed.length, 3)
})
