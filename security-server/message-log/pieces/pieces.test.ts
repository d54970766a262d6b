/** Bodies in the log's database: read by every node, without a folder that they share. */
import { hash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { heldMemory } from '#platform/held-memory.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { LOG_PARTS } from '../../log-parts.ts'
import { ownLog } from '../feature.ts'
import { openTestLog, signedRecord, spoolAttachments, spoolBody } from '../fixture.ts'
import { openLogDatabase } from '../log-store.ts'
import { BODY_PIECES } from '../migrations/body-pieces.ts'
import { logMigrations } from '../part.ts'
import { checkBodyPlace } from '../settings.ts'
import { append, bodyOf, erase, NOTHING, world } from './pieces-fixture.ts'

/** In a record's commit, at its limits; and in pieces before it, cut between and within them. */
const SIZES = [65_537, 262_144, 1_048_576, 1_048_577, 1_310_720]

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

if (hasPostgresql()) {
  const server = await postgresql()
  await t.test('what one node logs every node reads', async (t) => {
    const { one, two, folders, rows, client } = await world(t, await server.freshDatabase())
    const first = await openTestLog(t, one)
    const second = await openTestLog(t, two)
    const bodies = SIZES.map((size) => randomBytes(size))
    const indexes: number[] = []
    for (const bytes of bodies) indexes.push(await append(first, bytes))
    const files = [randomBytes(700_000), randomBytes(90_000), randomBytes(600_000)]
    const joined = await first.append(await signedRecord({ body: await spoolAttachments(first, files) }))

    await t.test('as it went in, whole and in parts, with no file', async (t) => {
      for (const log of [first, second])
        for (const [i, bytes] of bodies.entries())
          t.ok((await bodyOf(log, indexes[i]!)).equals(bytes), `${bytes.length}`)
      t.ok((await bodyOf(second, joined.index)).equals(Buffer.concat(files)), 'attachments')
      t.same(folders.flatMap(filesBelow), [])
      t.match(await rows(), { bodies: SIZES.length + 1, underWay: 0 })
      const release = heldMemory.reserve(1e9)
      t.ok((await bodyOf(second, indexes.at(-1)!)).equals(bodies.at(-1)!), 'a chunk at a time')
      release()
    })

    await t.test('the verification of the log reads it, with and without a folder', async (t) => {
      for (const bodyFolder of [undefined, two.bodyFolder]) {
        const { source, close } = await openLogSource({ ...two, bodyFolder })
        const report = await verifyLog(source)
        await close()
        t.same(report.problems, [])
      }
    })

    await t.test('what no record keeps goes when it was sent on', async (t) => {
      const before = await rows()
      const body = await spoolBody(first, randomBytes(1_200_000))
      t.match(await rows(), { underWay: 1 })
      await first.append(await signedRecord({ kind: 'reply', body, logLevel: 'digest' }))
      const bytes = await buffer(body.open())
      t.ok(hash('sha512', bytes, 'buffer').equals(body.sha512), 'the reader reads to the end')
      // The last that goes of a body.
      await until('as before', async (saw) => saw((await rows()).underWay) === before.underWay)
      t.same(await rows(), before)
      const aborted = first.spool.begin({ maxBytes: 10_000_000 })
      await aborted.write(randomBytes(1_500_000))
      t.match(await rows(), { underWay: 1 })
      await aborted.abort()
      await (await spoolBody(first, randomBytes(1_200_000))).discard()
      t.same(await rows(), before)
    })

    await t.test('of a request that is repeated, at once or later, nothing stays', async (t) => {
      const before = await rows()
      for (const size of [100_000, 1_100_000]) {
        const replayKey = randomBytes(32)
        const requests = await Promise.all(
          [first, second, first].map(async (log) => {
            const body = await spoolBody(log, randomBytes(size))
            return { log, body, record: await signedRecord({ body, replayKey }) }
          }),
        )
        const outcomes = await Promise.allSettled(requests.map(({ log, record }) => log.append(record)))
        for (const { body } of requests) await body.discard()
        const logged = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.index] : []))
        t.equal(logged.length, 1, 'one is logged')
        await erase(first, logged[0]!)
      }
      t.same(await rows(), before)
    })

    await t.test('erased on any node, it is gone for all', async (t) => {
      const log = [second, first]
      for (const [i, index] of [...indexes, joined.index].entries()) await erase(log[i % 2]!, index)
      t.same(await rows(), NOTHING)
      t.strictSame(
        (await first.parts.erasedBodyFiles({ after: '', limit: 10, own: [] })).files,
        [],
        'no name is left',
      )
      const again = await append(second, bodies[0]!)
      t.ok((await bodyOf(first, again)).equals(bodies[0]!))
      await client.query('insert into erased_body_file (name) select name from body_file')
      await client.query('delete from body_piece')
      await first.retention.deleteBodies()
      t.strictSame(
        (await first.parts.erasedBodyFiles({ after: '', limit: 10, own: [] })).files,
        [],
        'killed between',
      )
    })
    for (const log of [first, second]) await log.close()
  })

  await t.test('a change of the setting loses nothing, there and back', async (t) => {
    const { one, folders, rows } = await world(t, await server.freshDatabase())
    const { [BODY_PIECES]: _unknown, ...before } = logMigrations(LOG_PARTS)
    const openOlder = async (): Promise<void> =>
      (await openLogDatabase(one.databaseUrl, { migrations: before })).close()
    const bodies = [100_000, 1_200_000].map((size) => randomBytes(size))
    const indexes: number[] = []
    for (const bodyPlace of ['files', 'database', 'files'] as const) {
      const log = await openTestLog(t, { ...one, bodyPlace })
      await log.recover()
      for (const bytes of bodies) indexes.push(await append(log, bytes))
      for (const [i, index] of indexes.entries())
        t.ok((await bodyOf(log, index)).equals(bodies[i % 2]!), `${bodyPlace} ${i}`)
      if (indexes.length === 2) await t.resolves(openOlder(), 'an older version goes on')
      else
        await t.rejects(
          openOlder(),
          { code: 'database_error', message: /a newer version has changed it/ },
          'it would take these records for damaged',
        )
      if (bodyPlace === 'database') {
        const { health } = await ownLog.open({
          database: { dialect: 'postgresql' },
          ...{ messageLog: log, node: 'node1', clock: one.clock },
          ...{ storedLog: { ...one, bodyFolder: '/nowhere', bodyPlace }, settings: {} },
        })
        t.match(await health!['files']!(), { ok: true }, 'no folder is needed')
      }
      if (indexes.length === 6) {
        t.match(await rows(), { bodies: 2 })
        for (const index of indexes) await erase(log, index)
        t.same(await rows(), NOTHING)
        t.same(filesBelow(folders[0]), [])
      }
      await log.close()
    }
  })

  await t.test('pieces that somebody changed', async (t) => {
    const { one, two, client } = await world(t, await server.freshDatabase())
    const log = await openTestLog(t, one)
    const second = await openTestLog(t, two)
    const bytes = randomBytes(1_200_000)
    const nth = (n: number) =>
      `(select start from body_piece where name = $1 order by start offset ${n} limit 1)`
    const cut = (which: string) => [`delete from body_piece where name = $1 and ${which}`]
    const alter = (how: string, which: string) => `update body_piece set ${how} where name = $1 and ${which}`
    const acts: [string, string[], RegExp][] = [
      ['the first is missing', cut('start = 0'), /missing/],
      ['one in the middle is missing', cut(`start = ${nth(3)}`), /missing|does not decrypt/],
      ['the last is missing', cut(`start = ${nth(4)}`), /does not decrypt/],
      ['all are missing', cut('true'), /is missing/],
      [
        'one bit is wrong',
        [alter('octets = set_bit(octets, 1000, 1 - get_bit(octets, 1000))', 'start > 500000')],
        /does not decrypt/,
      ],
      ['one is longer', [alter('octets = octets || octets', 'start = 0')], /missing|does not decrypt/],
      [
        'two of one body are swapped',
        [
          alter('start = -1', `start = ${nth(1)}`),
          alter('start = 262224', `start = ${nth(2)}`),
          alter('start = 524432', 'start = -1'),
        ],
        /does not decrypt/,
      ],
      [
        'it is another body',
        [
          `update body_piece mine set octets = other.octets from body_piece other
            where mine.name = $1 and other.name <> $1 and other.start = mine.start and mine.start > 0`,
        ],
        /does not decrypt/,
      ],
    ]
    await append(log, bytes)
    let damaged = -1
    for (const [what, statements, expected] of acts) {
      damaged = await append(log, bytes)
      const { rows } = await client.query<{ name: string }>('select name from body_file where idx = $1', [
        damaged,
      ])
      for (const statement of statements) await client.query(statement, [rows[0]!.name])
      for (const reader of [log, second])
        await t.rejects(bodyOf(reader, damaged), { code: 'log_inconsistent', message: expected }, what)
    }
    const { source, close } = await openLogSource(two)
    const { problems } = await verifyLog(source)
    await close()
    t.equal(new Set(problems.map(({ index }) => index)).size, acts.length, 'the verification finds each')
    t.equal(problems.at(-1)?.index, damaged)
    await erase(second, damaged)
    const last = await append(log, bytes)
    t.ok((await bodyOf(second, last)).equals(bytes), 'both go on')
    for (const each of [log, second]) await each.close()
  })

  await t.test('197 MB through the database in flat memory', async (t) => {
    const { one, rows } = await world(t, await server.freshDatabase())
    const log = await openTestLog(t, one)
    const chunk = randomBytes(65_536)
    const writer = log.spool.begin({ maxBytes: 400_000_000 })
    const before = process.memoryUsage().rss
    let most = 0
    const look = () => {
      most = Math.max(most, process.memoryUsage().rss)
    }
    for (let n = 0; n < 3000; n++) {
      await writer.write(chunk)
      if (n % 100 === 0) look()
    }
    const body = await writer.end()
    let octets = 0
    for await (const piece of body.open()) {
      octets += (piece as Buffer).length
      look()
    }
    t.equal(octets, 3000 * 65_536)
    const grown = (most - before) / 1e6
    // What the process took for other files that ran in it varies by tens of megabytes.
    t.ok(grown < 100, `memory grew by ${grown.toFixed(0)} MB`)
    await body.discard()
    t.same(await rows(), NOTHING)
    await log.close()
  })
} else skipFor(t, 'PostgreSQL is not installed')

t.test('the embedded store keeps bodies in files, and says so', async (t) => {
  for (const messageLogBodies of ['files', 'database'] as const) {
    const check = (messageLogDatabase: string) => () =>
      checkBodyPlace({ messageLogBodies, messageLogDatabase })
    t.doesNotThrow(check('postgres://localhost/log'))
    if (messageLogBodies === 'files') t.doesNotThrow(check('sqlite:/tmp/log.db'))
    else t.throws(check('sqlite:/tmp/log.db'), { code: 'invalid_configuration', what: /needs PostgreSQL/ })
  }
})
