/** Replacing the key of the histories of DIDs, with what a crash or a restored database leaves behind, on real files and a real database. */
import { mkdtempSync, rmSync } from 'node:fs'
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
  const open = async () =>
    (await openIdentityKeys({ directory, pin: '1234', keys: createIdentityKeyStore(database) })).histories
  const lose = (of: number): void =>
    rmSync(path.join(directory, `identity-identities${of === 1 ? '' : `-${of}`}.pem`))
  return { tables, open, lose }
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
