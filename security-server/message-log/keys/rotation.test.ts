/** Log keys are rotated while records are written: all records stay readable, each with its own key, on both stores. */
import { readdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../fixture.ts'
import { readLogKeys } from './log-keys.ts'
import { rotateWhenDue } from './rotate-when-due.ts'

await eachDatabase(t, async (_database, t, url) => {
  const options = logOptions(logFolder(t), url)

  await t.test('log keys rotate; every record still opens', async (t) => {
    const log = await openTestLog(t, options)
    const before = await log.append(await signedRecord())
    const made = await log.rotateLogKey()
    t.equal(made.record, before.index + 1)
    const after = await log.append(await signedRecord())
    t.ok((await log.read(before.index)).message)
    t.ok((await log.read(after.index)).message)
    t.equal(readLogKeys(options.keyFolder).byId.size, 2)
    const [current, old] = await log.logKeys()
    t.match(current, { ...made, isCurrent: true, isHere: true })
    t.match(old, { isCurrent: false, isHere: true })
    await log.close()
    const name = readdirSync(options.keyFolder).find((each) => each.includes(old!.id))!
    const file = path.join(options.keyFolder, name)
    renameSync(file, `${file}.away`)
    const without = await openTestLog(t, options)
    t.notOk((await without.read(before.index)).message, 'what comes from the old key is read by it alone')
    t.ok((await without.read(after.index)).message)
    t.match(await without.logKeys(), [{ isHere: true }, { id: old!.id, isHere: false }])
    await without.close()
    renameSync(`${file}.away`, file)
  })

  await t.test('a key that is old enough is replaced by itself, once', async (t) => {
    const clock = { now: Date.now() }
    const log = await openTestLog(t, { ...options, clock: () => clock.now })
    const due = () => rotateWhenDue(log, 30, () => clock.now)
    await log.append(await signedRecord())
    t.equal(await due(), false)
    clock.now += 30 * 86_400_000 - 60_000
    t.equal(await due(), false)
    clock.now += 120_000
    t.equal(await due(), true)
    t.equal(await due(), false)
    clock.now -= 40 * 86_400_000
    t.equal(await due(), false, 'a clock that went back')
    t.equal((await log.logKeys()).length, 3)
    await log.close()
  })
})
