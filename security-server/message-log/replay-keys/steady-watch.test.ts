/** What was seen of the clock outlives the process. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord, type TestLog } from '../fixture.ts'

const MINUTE = 60_000
const codeOf = (thrown: unknown): string => (thrown as Fault).code

await eachDatabase(t, async (_database, t, url) => {
  const options = logOptions(logFolder(t), url)

  await t.test('a log that restarts often forgets keys as well, and none early', async (t) => {
    let now = Date.now() - 90 * 24 * 60 * MINUTE
    let elapsed = 40 * 24 * 60 * MINUTE
    const open = () =>
      openTestLog(t, {
        ...{ ...options, clock: () => now, elapsed: () => elapsed },
        unstampedLimitMs: Number.POSITIVE_INFINITY,
      })
    const replayKey = randomBytes(32)
    const take = async (log: TestLog) =>
      codeOf(
        await log
          .append(await signedRecord({ replayKey, time: new Date(now) }))
          .catch((fault: unknown) => fault),
      )
    let log = await open()
    await log.append(await signedRecord({ replayKey, time: new Date(now) }))
    // Every four minutes, for so long that a clock that was ahead is told from the right one.
    for (let passed = 0; passed < 160; passed += 4) {
      for (let minute = 0; minute < 4; minute += 2) {
        elapsed += 2 * MINUTE
        now += 2 * MINUTE
        await log.maintain()
      }
      await log.close()
      log = await open()
      // The newest generations of the embedded store stay, however old.
      await log.append(await signedRecord({ replayKey: randomBytes(32), time: new Date(now) }))
      if (passed === 4) t.equal(await take(log), 'replayed_request', 'not watched for long enough')
    }
    await log.append(await signedRecord({ replayKey, time: new Date(now) }))
    await log.close()
  })
})
