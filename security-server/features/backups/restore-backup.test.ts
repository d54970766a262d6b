/** What a restore loads is what was verified, and no table or key comes back that must not, on either store. */
import { randomBytes } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import type { Migration } from 'kysely/migration'
import t from 'tap'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import { migrate } from '#platform/database/migrate.ts'
import { inSnapshot, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { serverMigrations } from '../../features.ts'
import { second } from '../../keys/keys-fixture.ts'
import { by, make, question, stage, trusted } from './backups-fixture.ts'
import { restoreServerBackup } from './restore-backup.ts'
import { dumpServer, WITHOUT } from './store.ts'

type Rows = {
  local_change: { id: number; counter: number }
  used_login: { digest: Buffer; used_at: string }
}

/** The migrations with `act` before the first of them: the backup is verified, and not loaded yet. */
function afterVerifying(act: () => void): Record<string, Migration> {
  const [[first, migration], ...others] = Object.entries(serverMigrations) as [
    [string, Migration],
    ...[string, Migration][],
  ]
  const up: Migration['up'] = (kysely) => {
    act()
    return migration.up(kysely)
  }
  return Object.fromEntries([[first, { up }], ...others])
}

t.test('a file that is replaced or cut off after it was verified', async (t) => {
  const one = await stage(t)
  const { at } = one
  // Enough that the entries behind the database are not read with it.
  writeFileSync(at('keys', 'long.json'), randomBytes(4_000_000))
  const url = `sqlite:${at('server.db')}`
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, serverMigrations)
  await make(one, by(one), (write) => dumpServer(url, write))
  cpSync(at('backup'), at('genuine'))
  await tablesOf<Rows>(database).updateTable('local_change').set({ counter: 7 }).execute()
  // Whoever has the key of backups and signs as another member: as many rows, another one of them.
  await make(one, by(one, second), (write) => dumpServer(url, write))
  cpSync(at('backup'), at('forged'))

  await eachDatabase(t, async (target, t, targetUrl) => {
    const counter = async (): Promise<number> => {
      const rows = await tablesOf<Rows>(target).selectFrom('local_change').select('counter').execute()
      return Number(rows[0]?.counter)
    }
    const restore = (migrations: Record<string, Migration>) =>
      restoreServerBackup({
        ...{ ...question(one), ...trusted(one), migrations, database: targetUrl },
        ...{ directory: at(`restored-${targetUrl.startsWith('sqlite')}`), letIn: [], hasLogin: true },
        initialApiKeyFile: at('initial-api-key'),
      })
    writeFileSync(at('initial-api-key'), 'as it was')
    cpSync(at('genuine'), at('backup'))
    const swapping = afterVerifying(() => cpSync(at('forged'), at('backup')))
    await t.rejects(restore(swapping), { code: 'backup_invalid', message: /replaced while it was read/ })
    t.equal(readFileSync(at('initial-api-key'), 'utf8'), 'as it was')
    cpSync(at('genuine'), at('backup'))
    const cutting = afterVerifying(() =>
      writeFileSync(at('backup'), readFileSync(at('genuine')).subarray(0, -40)),
    )
    await t.resolves(restore(cutting), 'nothing behind the database is read again')
    t.equal(await counter(), 0)
    t.equal(readFileSync(at('initial-api-key'), 'utf8'), '')
  })
})

t.test('tables that are in no backup do not come back with one that has them', async (t) => {
  const one = await stage(t)
  const { at } = one
  const url = `sqlite:${at('server.db')}`
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, serverMigrations)
  const login = { digest: randomBytes(32), used_at: new Date(one.world.now).toISOString() }
  await tablesOf<Rows>(database).insertInto('used_login').values(login).execute()
  // As a version that does not know of this table.
  const without = WITHOUT.filter((name) => name !== 'used_login')
  await make(one, by(one), (write) =>
    inSnapshot(database.kysely, async (snapshot) => ({
      rows: await dumpTables(snapshot, { without, write }),
      migrations: await migrationsIn(snapshot),
    })),
  )
  await eachDatabase(t, async (target, t, targetUrl) => {
    await restoreServerBackup({
      ...{ ...question(one), ...trusted(one), migrations: serverMigrations, database: targetUrl },
      ...{ directory: at(`restored-${targetUrl.startsWith('sqlite')}`), letIn: [], hasLogin: true },
      initialApiKeyFile: at('initial-api-key'),
    })
    const restored = tablesOf<Rows>(target)
    t.same(await restored.selectFrom('used_login').selectAll().execute(), [])
    t.equal((await restored.selectFrom('local_change').selectAll().execute()).length, 1)
  })
})
