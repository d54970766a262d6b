/** A security server as a witness of a registry that shows another history, on both databases. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parseSubmission } from '#core/merkle/add-checkpoint.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { WitnessTables } from '#platform/witness/migrations.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { eachDatabase } from '#test/databases.ts'
import { COSIGNED_HEADS_FILE, openCosignedHeads } from './cosigned-heads.ts'
import { lyingRegistry, ORIGIN } from './lying-registry-fixture.ts'
import { folder, nodeOf } from './witness-node-fixture.ts'

void t.test('it never cosigns what contradicts an earlier cosignature', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, witnessMigrations)
    const registry = lyingRegistry()
    const { shown, told, contradicted } = registry
    const [one, two] = [folder(t), folder(t)]
    const first = await nodeOf(database, one, registry)
    const errorOf = async (node = first): Promise<string | null> => {
      await node.witness.cosign()
      return (await node.witness.state()).lastError
    }
    const refused = async (what: string, change: Partial<typeof shown>, why: RegExp, node = first) => {
      const honest = { ...shown }
      const count = told.length
      Object.assign(shown, change)
      t.match(await errorOf(node), why, what)
      t.equal(told.length, count, `${what}: nothing is signed`)
      Object.assign(shown, honest)
    }

    registry.fail(true)
    t.ok(await errorOf())
    registry.fail(false)
    t.equal(await errorOf(), null)
    t.equal(await errorOf(), null)
    t.same(told, [10], 'told once, when it could be')
    Object.assign(shown, { size: 20, configurationSize: 15 })
    t.equal(await errorOf(), null)
    t.same(told, [10, 20])

    const one0 = { configuration: 'two', history: 'two' }
    await refused('a fork of the same size', { ...one0, configurationSize: 20 }, /20 entries|follow/)
    await refused(
      'a fork that grew',
      { ...one0, size: 30, configurationSize: 30 },
      /inconsistent|grow|follow|proof/i,
    )
    await refused('a rollback', { size: 12, configurationSize: 12 }, /12 entries, 20 were cosigned/)
    await refused('another log than the configuration has', { size: 25, configuration: 'two' }, /differ/)
    await refused('as large as that', { size: 25, configurationSize: 25, configuration: 'two' }, /differ/)
    await refused('the name of a server', { origin: 'DEV/GOV/1234/SS1' }, /name of a server/)
    await refused('no log any more', { isNamed: false }, /names no log/)
    await refused('another name', { origin: 'other.example/log' }, /another log/)
    const honest = { ...registry.log }
    registry.log.submission = async () => Buffer.alloc(100_000, 0x41)
    await refused('a huge checkpoint', { size: 26 }, /too large/)
    registry.log.submission = async () => (await createTestLog(ORIGIN).submission(20, 26)) as Buffer
    await refused('a foreign key', { size: 26, configurationSize: 26 }, /no known key|differ/)
    Object.assign(registry.log, honest)
    t.same(
      contradicted,
      [20, 25],
      'the registry is told once what it signed: what was cosigned, and the log that it shows to others alone',
    )
    const proofs = await first.store.refusals(50)
    t.ok(proofs.some(({ is_fork }) => is_fork === 1) && proofs.length >= 3, 'the proofs are kept')
    t.same(
      proofs.flatMap(({ known_note, is_fork }) =>
        known_note.startsWith('signed head') ? [[known_note, is_fork]] : [],
      ),
      [['signed head of 25', 1]],
      'of the configuration only what the registry signed, at one size',
    )
    t.equal(parseSubmission(proofs[0]!.submission).checkpoint.origin, ORIGIN)

    // The second node of this server: one database, one key, a file of its own.
    writeFileSync(path.join(two, 'witness-key.pem'), readFileSync(path.join(one, 'witness-key.pem')), {
      mode: 0o600,
    })
    const second = await nodeOf(database, two, registry)
    await second.witness.follow()
    shown.origin = 'renamed.example/log'
    await second.witness.follow()
    t.equal(
      (await second.witness.state()).origin,
      shown.origin,
      'it follows the name that the configuration has',
    )
    shown.origin = ORIGIN
    await second.witness.follow()
    await refused('a fork at the other node', { ...one0, size: 30, configurationSize: 30 }, /./, second)
    Object.assign(shown, { size: 40, configurationSize: 38 })
    t.same(await Promise.all([errorOf(), errorOf(second)]), [null, null], 'both at once')
    await first.witness.follow()

    // The database is restored from a backup of when nothing was cosigned; the folders stay.
    await database.close()
    const empty = await openDatabase(url)
    for (const table of ['witnessed_log', 'witness_refusal'] as const)
      await tablesOf<WitnessTables>(empty).deleteFrom(table).execute()
    t.teardown(() => empty.close())
    for (const directory of [one, two]) {
      const node = await nodeOf(empty, directory, registry)
      const state = { ...one0, size: 45, configurationSize: 45 }
      await refused('a fork after a restore', state, /./, node)
      await refused('a rollback after a restore', { size: 12, configurationSize: 12 }, /12 entries, 40/, node)
    }
    const restored = await nodeOf(empty, two, registry)
    Object.assign(shown, { size: 50, configurationSize: 50 })
    t.equal(await errorOf(restored), null, 'the true history goes on')
    const heads = await openCosignedHeads(folder(t))
    const at = (size: number) =>
      heads.raise('turn', { note: createTestLog('turn').checkpoint(size), time: 'now' })
    await Promise.all([at(12), at(10)])
    t.equal(heads.of('turn')?.size, 12, 'of two at once the larger stays')
    writeFileSync(path.join(one, COSIGNED_HEADS_FILE), '{}')
    await t.rejects(openCosignedHeads(one), { code: 'io_error' }, 'a damaged file')
  }),
)
