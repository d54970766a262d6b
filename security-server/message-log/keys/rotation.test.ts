/**
 * Log keys are rotated while records are written: all records stay readable, each with its own key, on both
 * stores.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord, spoolBody } from '../fixture.ts'
import { bodyFilesByRecord } from '../migrations/body-files-by-record.ts'
import { newLogKey, readLogKeys } from './log-keys.ts'
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

  await t.test(
    'a key that another node is about to use is used with its record, not with its file',
    async (t) => {
      const log = await openTestLog(t, options)
      const [before] = await log.logKeys()
      const currentOf = async () => (await log.logKeys()).find(({ isCurrent }) => isCurrent)?.id
      const [first, second] = [newLogKey(options.keyFolder), newLogKey(options.keyFolder)]
      for (const { name, text } of [first, second])
        writeFileSync(path.join(options.keyFolder, name), text, { mode: 0o600 })
      t.equal(await currentOf(), before!.id)
      const sealed = await log.append(await signedRecord())
      await log.close()
      const again = await openTestLog(t, { ...options, shareKey: async () => undefined })
      t.equal(
        (await again.logKeys()).find(({ isCurrent }) => isCurrent)?.id,
        before!.id,
        'nor after a restart',
      )
      t.ok((await again.read(sealed.index)).message)
      await t.rejects(
        again.rotateLogKey(),
        { code: 'invalid_configuration' },
        'a key that did not come is not used',
      )
      t.equal((await again.logKeys()).find(({ isCurrent }) => isCurrent)?.id, before!.id)
      await again.close()
      // Two nodes rotate at once, each its own key.
      const shareTo = (made: string[]) => async (name: string, bytes: Buffer) => {
        writeFileSync(path.join(options.keyFolder, name), bytes, { mode: 0o600 })
        made.push(name)
        const beside = newLogKey(options.keyFolder)
        writeFileSync(path.join(options.keyFolder, beside.name), beside.text, { mode: 0o600 })
      }
      const made: string[] = []
      const two = await openTestLog(t, { ...options, shareKey: shareTo(made) })
      const { id } = await two.rotateLogKey()
      t.ok(made[0]!.includes(id), 'its own key, although a newer one lies there')
      t.equal((await two.logKeys()).find(({ isCurrent }) => isCurrent)?.id, id)
      await two.close()
    },
  )

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
    clock.now -= 20 * 86_400_000
    t.equal(await due(), false, 'a clock that went back a little')
    clock.now -= 20 * 86_400_000
    t.equal(await due(), true, 'the key was made while it was far ahead')
    t.equal(await due(), false)
    t.equal((await log.logKeys()).length, 5)
    await log.close()
  })
})

await eachDatabase(t, async ({ kysely }, t, url) => {
  const options = logOptions(logFolder(t), url)
  const files = () =>
    readdirSync(options.bodyFolder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  const log = await openTestLog(t, options)
  const append = async (bytes: number): Promise<number> =>
    (await log.append(await signedRecord({ body: await spoolBody(log, randomBytes(bytes)) }))).index
  const inSegment = await append(100_000)
  const inFile = await append(1_100_000)
  const before = await append(1_100_000)
  const { id } = (await log.logKeys()).find(({ isCurrent }) => isCurrent)!
  await log.rotateLogKey()
  await log.close()
  const name = readdirSync(options.keyFolder).find((each) => each.includes(id))!
  rmSync(path.join(options.keyFolder, name))

  await t.test('the bodies of what no key opens any more are deleted with its erasure', async (t) => {
    const without = await openTestLog(t, options)
    t.equal(files().length, 3)
    for (const [index, left] of [
      [inSegment, 2],
      [inFile, 1],
    ] as const) {
      await without.retention.erase({ index, mode: 'PROOF_KEPT', case: '1', reason: 'a test' })
      t.equal(files().length, left)
    }
    await without.close()
  })

  await t.test('those that an earlier version left are deleted by this one', async (t) => {
    await sql`insert into erasure (idx, erasure_idx, time) values (${before}, ${before}, '')`.execute(kysely)
    await sql`drop index body_file_idx`.execute(kysely)
    await bodyFilesByRecord.up(kysely)
    const again = await openTestLog(t, options)
    await again.retention.deleteBodies()
    t.strictSame(files(), [])
    await again.close()
  })
})
