/**
 * Replacing the registry's identity keys, with what a crash or a restored database leaves behind, on real
 * files and a real database.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { openIdentityKeys } from './identity-keys.ts'
import { createIdentityKeyStore } from './store.ts'

const AT = '2026-01-01T00:00:00.000Z'

async function begin(t: Test) {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-identity-keys-'))
  const database = await openRegistryDatabase(`sqlite:${path.join(directory, 'registry.db')}`)
  t.teardown(async () => {
    await database.close()
    rmSync(directory, { recursive: true })
  })
  const tables = tablesOf<RegisterTables>(database)
  const openAll = () => openIdentityKeys({ directory, pin: '1234', keys: createIdentityKeyStore(database) })
  const open = async () => (await openAll()).histories
  const lose = (of: number): void =>
    rmSync(path.join(directory, `identity-identities${of === 1 ? '' : `-${of}`}.pem`))
  return { tables, database, open, openAll, lose, directory }
}

void t.test(
  'a key that is replaced as lost is lost in the same moment, and so is what was lost before',
  async (t) => {
    const { tables, open, lose } = await begin(t)
    const keys = await open()
    const refuse = sql`create trigger refuse before update on identity_key begin select raise(abort, 'no'); end`
    await refuse.execute(tables)
    await t.rejects(keys.replace({ isLost: true, at: AT }))
    t.equal(await keys.newest(), 1, 'not one without the other')
    await sql`drop trigger refuse`.execute(tables)

    t.match(await keys.replace({ isLost: false, at: AT }), { number: 2 })
    lose(1)
    const later = await open()
    t.equal(await later.isLost(1), false)
    t.match(await later.replace({ isLost: true, at: AT }), { number: 3 })
    t.same([await later.isLost(1), await later.isLost(2), await later.isLost(3)], [true, true, false])
    t.match(await later.replace({ isLost: true, at: AT }), { number: 4 })
    t.equal(await later.isLost(3), true)
    await later.entryKey(4, '', 1)
  },
)

void t.test('a restored database does not bring a replaced key back', async (t) => {
  const { tables, open, lose } = await begin(t)
  const keys = await open()
  for (const isLost of [false, true, false]) await keys.replace({ isLost, at: AT })
  lose(2)
  const known = await tables.selectFrom('identity_key').selectAll().orderBy('name').execute()
  await tables.deleteFrom('identity_key').where('name', 'like', 'identities-%').execute()
  const restored = await open()
  t.equal(await restored.newest(), 4)
  const again = await tables.selectFrom('identity_key').selectAll().orderBy('name').execute()
  const ofFiles = (rows: typeof known) => rows.filter(({ name }) => name !== 'identities-2')
  t.same(ofFiles(again), ofFiles(known), 'the same ones')
  await restored.entryKey(4, '', 1)
  await t.rejects(restored.entryKey(2, '', 1), { code: 'invalid_configuration', message: /lost before/ })
  await open()
  t.equal((await tables.selectFrom('identity_key').selectAll().execute()).length, known.length, 'once')
})

void t.test(
  'a published key is replaced, accepted as long as was said, and does not come back',
  async (t) => {
    const { tables, openAll, directory } = await begin(t)
    const day = (number: number): string => new Date(Date.parse(AT) + number * 86_400_000).toISOString()
    const { log, credentials } = await openAll()
    const numbers = async (now: number, of = log): Promise<number[]> =>
      (await of.accepted(Date.parse(day(now)))).map(({ number }) => number)
    const first = await log.signers(Date.parse(AT))
    t.match(first, [{ number: 1, name: 'log', acceptedUntil: null }])
    t.match(await log.replace({ at: AT, acceptedUntil: day(30) }), { number: 2, madeAt: AT })
    t.same(await numbers(29), [2, 1])
    t.same(await numbers(30), [2])
    t.same(
      (await log.signers(Date.parse(day(1)))).map(({ number }) => number),
      [2, 1],
    )
    t.same(await numbers(0, credentials), [1], 'each by itself')
    t.equal((await credentials.replace({ at: AT, acceptedUntil: day(2) })).publicKey.asymmetricKeyType, 'ec')
    t.equal((await log.all()).at(-1)!.publicKey.equals(first[0]!.publicKey), true)

    // The database of before, the files of now: the same two are accepted as long as was said.
    await tables.deleteFrom('identity_key').where('name', '=', 'log-2').execute()
    await tables.updateTable('identity_key').set({ accepted_until: null }).where('name', '=', 'log').execute()
    const restored = (await openAll()).log
    t.same(await numbers(29, restored), [2, 1])
    t.same(await numbers(30, restored), [2])
    const file = path.join(directory, 'identity-log-2.pem')
    const pem = readFileSync(file, 'utf8')
    writeFileSync(file, pem.slice(pem.indexOf('-----')))
    await tables.deleteFrom('identity_key').where('name', '=', 'log-2').execute()
    await tables.updateTable('identity_key').set({ accepted_until: null }).where('name', '=', 'log').execute()
    t.same(await numbers(0, (await openAll()).log), [2], 'without that line the old one is not accepted')

    for (const number of [3, 4, 5]) t.match(await log.replace({ at: AT, acceptedUntil: day(9) }), { number })
    await t.rejects(
      log.replace({ at: AT, acceptedUntil: day(9) }),
      { code: 'conflict' },
      'a note has no room',
    )
    t.match(
      await log.replace({ at: AT, acceptedUntil: AT }),
      { number: 6 },
      'a stolen one is replaced at any time',
    )
    t.same(await numbers(0), [6], 'and ends all before it')

    // The newest is on another node, or lost: the registry starts, signs nothing, and replaces it.
    rmSync(path.join(directory, 'identity-log-6.pem'))
    const without = (await openAll()).log
    await t.rejects(without.signers(Date.parse(AT)), {
      code: 'invalid_configuration',
      message: /identity-log-6\.pem/,
    })
    await without.replace({ at: AT, acceptedUntil: day(1) })
    t.same(
      (await without.signers(Date.parse(AT))).map(({ number }) => number),
      [7],
    )
    writeFileSync(path.join(directory, 'identity-log-7.pem'), readFileSync(file), { mode: 0o600 })
    await t.rejects(openAll(), { code: 'invalid_configuration', message: /another key/ })
  },
)

void t.test(
  'a replaced key does not come back where files were lost, or a replacement was tried twice',
  async (t) => {
    const { tables, database, openAll, directory } = await begin(t)
    const LATER = '2026-12-31T00:00:00.000Z'
    const now = Date.parse(AT)
    const fileOf = (name: string): string => path.join(directory, `identity-${name}.pem`)
    const names = async (of: { accepted(now: number): Promise<{ name: string }[]> }) =>
      (await of.accepted(now)).map(({ name }) => name)
    const restore = async (base: string): Promise<void> => {
      await tables.deleteFrom('identity_key').where('name', 'like', `${base}-%`).execute()
      await tables
        .updateTable('identity_key')
        .set({ accepted_until: null })
        .where('name', '=', base)
        .execute()
    }
    const { log, credentials } = await openAll()
    await log.replace({ at: AT, acceptedUntil: AT })
    await log.replace({ at: AT, acceptedUntil: LATER })
    rmSync(fileOf('log-2'))
    await restore('log')
    const restored = (await openAll()).log
    t.same(await names(restored), ['log-3'], 'the first was ended by a key whose file is lost')
    t.same(
      (await restored.all()).map(({ number }) => number),
      [3, 1],
    )
    t.match(await restored.replace({ at: AT, acceptedUntil: AT }), { name: 'log-4' })

    // The first attempt writes the file and fails; it had said a long changeover.
    const refuse = sql`create trigger refuse before insert on identity_key begin select raise(abort, 'no'); end`
    await refuse.execute(tables)
    await t.rejects(credentials.replace({ at: AT, acceptedUntil: LATER }))
    await sql`drop trigger refuse`.execute(tables)
    t.match(readFileSync(fileOf('credentials-2'), 'utf8'), LATER)
    await credentials.replace({ at: AT, acceptedUntil: AT })
    await restore('credentials')
    t.same(await names((await openAll()).credentials), ['credentials-2'], 'the stolen one stays ended')

    // Another node was first: what it said counts, and this node starts.
    const before = await tables
      .selectFrom('identity_key')
      .selectAll()
      .where('name', '=', 'credentials-2')
      .execute()
    const store = createIdentityKeyStore(database)
    t.not(
      await store.claim('credentials-2', 'another', { at: AT, replaces: ['credentials-2'], until: AT }),
      'another',
    )
    t.same(
      await tables.selectFrom('identity_key').selectAll().where('name', '=', 'credentials-2').execute(),
      before,
    )
    const late = await openIdentityKeys({
      ...{ directory, pin: '1234' },
      keys: {
        ...store,
        claim: async (name, key, claim) => {
          if (name === 'credentials-3') await store.claim(name, before[0]!.public_key, { at: AT })
          return store.claim(name, key, claim)
        },
      },
    })
    await t.rejects(late.credentials.replace({ at: AT, acceptedUntil: AT }), { code: 'conflict' })
    t.same(await names((await openAll()).credentials), ['credentials-3'])
  },
)
