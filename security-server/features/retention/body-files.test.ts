/**
 * The files of erased bodies: a process may end, and a disk may fail, between the erasure, the deletion and
 * its note.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  spoolBody,
  type TestLog,
} from '../../message-log/fixture.ts'
import type { Tables } from '../../message-log/tables.ts'
import { createRetention } from './retention.ts'

const DAY_MS = 86_400_000
const CLASS = { name: 'default', keepDays: 30, archive: 'NONE', atEnd: 'LEAF_ONLY' } as const
const ORDER = { mode: 'LEAF_ONLY', case: '7/2026', reason: 'a ruling' } as const
/** In a segment, and in a file of its own. */
const SIZES = [100_000, 1_100_000]

function retentionOf(
  messageLog: Parameters<typeof createRetention>[0]['messageLog'],
  own: readonly [string, ...string[]] = ['node1'],
) {
  return createRetention({
    ...{ messageLog, own, clock: Date.now, isTimeProven: () => true, nodesOfOtherVersions: async () => [] },
    ...{ archiver: undefined, archiveFiles: { folder: undefined, files: undefined } },
  })
}

async function append(log: TestLog, size: number): Promise<number> {
  return (await log.append(await signedRecord({ body: await spoolBody(log, randomBytes(size)) }))).index
}

const named = async ({ parts }: TestLog): Promise<number> =>
  (await parts.erasedBodyFiles({ after: '', limit: 10, own: [] })).files.length

await eachDatabase(t, async (database, t, url) => {
  const folder = logFolder(t)
  const options = logOptions(folder, url)
  const log = await openTestLog(t, options)
  const files = (): number =>
    readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    ).length

  await t.test('a process that ends once a file is gone leaves no name for ever', async (t) => {
    for (const size of SIZES) {
      const index = await append(log, size)
      const ends = { ...log.parts, forgetBodyFiles: async () => Promise.reject(new Error('it ends')) }
      await retentionOf({ ...log, parts: ends }).erase({ index, ...ORDER })
      t.strictSame([files(), await named(log)], [0, 1], 'the file is gone, and its name is not')
      await retentionOf(log, ['node2']).deleteBodies()
      t.equal(await named(log), url.startsWith('sqlite:') ? 0 : 1, 'another node may have another folder')
      await retentionOf(log, ['node3', 'node1']).deleteBodies()
      t.equal(await named(log), 0, 'one in whose place it is forgets it')
    }
  })

  await t.test('a process that ends before a file is gone deletes it later', async (t) => {
    for (const size of SIZES) {
      const index = await append(log, size)
      const ends = {
        ...log.parts,
        beginBodyFiles: async (begun: Parameters<TestLog['parts']['beginBodyFiles']>[0]) => {
          await log.parts.beginBodyFiles(begun)
          throw new Error('it ends')
        },
      }
      await retentionOf({ ...log, parts: ends }).erase({ index, ...ORDER })
      t.equal(await named(log), url.startsWith('sqlite:') ? 0 : 1)
      await retentionOf(log).deleteBodies()
      t.strictSame([files(), await named(log)], [0, 0])
    }
  })

  await t.test('of a segment all names go, however many bodies it had', async (t) => {
    const index = await append(log, SIZES[0]!)
    const kysely = tablesOf<Tables>(database)
    const { name } = await kysely
      .selectFrom('body_file')
      .select('name')
      .where('idx', '=', index)
      .executeTakeFirstOrThrow()
    const [segment] = name.split('.')
    const names = Array.from({ length: 450 }, (_, i) => ({ name: `${segment}.${200_000 + i}.1` }))
    await kysely.insertInto('erased_body_file').values(names).execute()
    await retentionOf(log).erase({ index, ...ORDER })
    t.strictSame([files(), await named(log)], [0, 0])
  })

  await t.test('an order says truly that it was carried out, when only a file is still there', async (t) => {
    const index = await append(log, SIZES[1]!)
    const broken = { ...log.bodies, erase: async () => Promise.reject(new Error('the disk')) }
    t.match(await retentionOf({ ...log, bodies: broken }).erase({ index, ...ORDER }), {
      ...{ erased: [{ index }], isLeftToDelete: true },
    })
    t.ok((await log.read(index)).erased)
    t.strictSame([files(), await named(log)], [1, 1])
    await retentionOf(log).deleteBodies()
    t.strictSame([files(), await named(log)], [0, 0], 'the next attempt deletes it')
    const next = await append(log, SIZES[1]!)
    t.match(await retentionOf(log).erase({ index: next, ...ORDER }), { isLeftToDelete: false })
  })

  await t.test(
    'a file that cannot be deleted holds up no other, and no content whose time is over',
    async (t) => {
      const retention = retentionOf(log)
      await log.retention.putClass({ ...CLASS, applyToExisting: false })
      const kept = { ...log.bodies, erase: async () => Promise.reject(new Error('not now')) }
      for (let nth = 0; nth < 2; nth++)
        await retentionOf({ ...log, bodies: kept }).erase({ index: await append(log, SIZES[1]!), ...ORDER })
      t.equal(await named(log), 2)
      const bodies = readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true })
      const { parentPath, name } = bodies.find((entry) => entry.isFile())!
      const stuck = path.join(parentPath, name)
      // `rm` refuses a folder.
      rmSync(stuck)
      mkdirSync(stuck)
      const body = await spoolBody(log, randomBytes(SIZES[1]!))
      const old = await log.append(await signedRecord({ body, time: new Date(Date.now() - 31 * DAY_MS) }))
      await until('its content ends', async () => {
        await retention.run()
        return (await log.read(old.index)).erased
      })
      t.strictSame([files(), await named(log)], [0, 1], 'all others are deleted')
      await t.rejects(retention.deleteBodies(), { message: stuck }, 'the job of each node says which it is')
      t.equal(await named(log), 1, 'and tries it again')
      rmdirSync(stuck)
      await retention.deleteBodies()
      t.strictSame([files(), await named(log)], [0, 0])
    },
  )
})
