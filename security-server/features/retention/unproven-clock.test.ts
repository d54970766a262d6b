/** Retention by a clock that is ahead: nothing ends that has not ended. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import {
  CLIENT,
  logFolder,
  logOptions,
  openTestLog,
  SERVICE,
  signedRecord,
  signer,
} from '../../message-log/fixture.ts'

const DAY = 24 * 60 * 60 * 1000

await eachDatabase(t, async (_database, t, url) => {
  await t.test('a clock that nothing proves ends nothing, also in the middle of a run', async (t) => {
    let [ahead, looks] = [0, 0]
    const { stamp, memberSigner } = await signer()
    const log = await openTestLog(t, {
      ...logOptions(logFolder(t), url),
      ...{ stamp, signer: memberSigner, unstampedLimitMs: Number.POSITIVE_INFINITY },
      isTimeProven: () => ahead === 0 && looks-- > 0,
      clock: () => Date.now() + ahead,
    })
    const request = async (daysAgo: number): Promise<number> => {
      const [time, message] = [new Date(Date.now() - daysAgo * DAY), Buffer.from('GET /r1/ HTTP/1.1\r\n\r\n')]
      const ids = { id: randomUUID(), requestId: randomUUID() }
      return (await log.append(await signedRecord({ time, ids, client: CLIENT, service: SERVICE, message })))
        .index
    }
    await log.retention.putClass({
      ...{ name: 'default', keepDays: 30, atEnd: 'PROOF_KEPT', archive: 'NONE', applyToExisting: true },
    })
    const young = await request(0)
    ahead = 40 * DAY
    looks = 1000
    t.equal(await log.retention.run(), 0, 'a clock that is ahead')
    t.ok((await log.read(young)).message)
    ahead = 0
    const old = await request(40)
    looks = 1
    t.equal(await log.retention.run(), 0, 'one that leaps in a run')
    looks = 1000
    t.equal(await log.retention.run(), 1, 'and one that is proven')
    t.equal((await log.read(old)).message, undefined)
    t.ok((await log.read(young)).message)
    await log.close()
  })
})
