/**
 * The circumstances of exchanges, on both stores: stored once, named by each record, committed to by its
 * leaf.
 */
import { hash } from 'node:crypto'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../fixture.ts'

const at = (path: string) =>
  sealCircumstances({ version: 1, side: 'provider', endpoint: { method: 'GET', path } })

async function problemsOf(options: Parameters<typeof openTestLog>[1]): Promise<string[]> {
  const { source, close } = await openLogSource(options)
  try {
    return (await verifyLog(source)).problems.map(({ index, what }) => `${index}: ${what}`)
  } finally {
    await close()
  }
}

async function keptIn(url: string): Promise<number> {
  const database = await openDatabase(url)
  try {
    const { rows } = await sql<{ kept: number }>`select count(*) as kept from circumstances`.execute(
      database.kysely,
    )
    return Number(rows[0]!.kept)
  } finally {
    await database.close()
  }
}

t.test('the circumstances', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const options = logOptions(logFolder(t), url)
    const log = await openTestLog(t, options)
    const circumstances = at('/persons/*')
    const first = await Promise.all(
      [1, 2, 3].map(async () => log.append(await signedRecord({ circumstances, configuration: 'DEV/7' }))),
    )
    t.equal(await keptIn(url), 1, 'many at once name one document, which is kept once')
    const { index } = first[0]!
    const read = await log.read(index)
    t.match(read.metadata, { circumstances: circumstances.digest, configuration: 'DEV/7' })
    t.equal(read.circumstances?.toString(), circumstances.document)

    const answer = { kind: 'reply', direction: 'out', outcome: 'ok', answers: index } as const
    const reply = await log.append(await signedRecord({ ...answer, circumstances, configuration: 'DEV/7' }))
    const replied = (await log.read(reply.index)).metadata!
    t.equal(replied.circumstances, circumstances.digest)
    t.notOk('configuration' in replied, 'an answer was judged by what its request says')

    const other = at('/persons/*/children')
    const silent = await log.append(await signedRecord({ circumstances: other, logLevel: 'none' }))
    t.notOk('circumstances' in (await log.read(silent.index)).metadata!, 'ids only')
    t.equal(await keptIn(url), 1)
    await log.append(await signedRecord({ circumstances: other, logLevel: 'digest' }))
    t.equal(await keptIn(url), 2, 'what was not kept is not thought to be')

    const refused = await signedRecord({
      circumstances: at('/late'),
      replayKey: hash('sha256', 'x', 'buffer'),
    })
    await log.append(refused)
    await t.rejects(log.append({ ...refused, circumstances: at('/never') }), { code: 'replayed_request' })
    t.equal(await keptIn(url), 3, 'a record that is refused leaves nothing')

    await log.retention.erase({ index, mode: 'PROOF_KEPT', case: '1', reason: 'a test' })
    t.equal((await log.read(index)).circumstances?.toString(), circumstances.document, 'part of the proof')
    await log.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' })
    const gone = await log.read(index)
    t.equal(gone.metadata, undefined)
    t.equal(gone.circumstances, undefined, 'nothing leads from a bare leaf to the circumstances')
    await log.maintain()
    await log.close()
    t.strictSame(await problemsOf(options), [])

    const database = await openDatabase(url)
    t.teardown(() => database.close())
    const put = (document: Buffer) =>
      sql`update circumstances set document = ${document} where digest = ${Buffer.from(other.digest, 'base64')}`.execute(
        database.kysely,
      )
    const changed = at('/persons/*/parents').document
    await put(Buffer.from(changed))
    t.match(await problemsOf(options), [/^6: .*another hash/], 'one that was changed is named')
    await put(Buffer.from(other.document))
    await sql`delete from circumstances where digest = ${Buffer.from(circumstances.digest, 'base64')}`.execute(
      database.kysely,
    )
    t.match(await problemsOf(options), [/^2: .*missing/, /^3: /, /^4: /], 'and one that was taken away')
    await sql`update search_terms set endpoint = 'GET /other'`.execute(database.kysely)
    const hidden = (await problemsOf(options)).filter((problem) => problem.includes('the search index'))
    t.match(hidden, [/^6: .*says something else/], 'no search by endpoint would find it')
  }),
)

t.test(
  'a process that starts again does not know what is kept, and keeps it once all the same',
  async (t) => {
    const folder = logFolder(t)
    const options = logOptions(folder)
    for (const path of ['/a', '/a', '/b']) {
      const log = await openTestLog(t, options)
      await log.append(await signedRecord({ circumstances: at(path) }))
      await log.close()
    }
    t.equal(await keptIn(options.databaseUrl), 2)
    rmSync(path.join(folder, 'bodies'), { recursive: true, force: true })
    t.strictSame(await problemsOf(options), [])
  },
)
