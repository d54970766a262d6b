/**
 * Moves an instance's data from its embedded databases to PostgreSQL, as an operator would: the same
 * migrations make the tables, rows are copied unchanged, the settings file names the new database, and the
 * old file is deleted.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { sql } from 'kysely'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { serverMigrations } from '#security-server/features.ts'
import { LOG_PARTS } from '#security-server/log-parts.ts'
import { openLogDatabase } from '#security-server/message-log/log-store.ts'
import { logMigrations } from '#security-server/message-log/part.ts'

type Opened = { database: Database; close(): Promise<void> }
type Setting = 'database' | 'messageLogDatabase'

/** Moves the registry's database. Its process must not run. */
export async function moveRegistry(settingsFile: string, url: string): Promise<void> {
  await move(settingsFile, 'database', url, async (where) => opened(await openRegistryDatabase(where)))
}

/** Moves a security server's two databases. Its process must not run. */
export async function moveServer(
  settingsFile: string,
  urls: { database: string; messageLogDatabase: string },
): Promise<void> {
  await move(settingsFile, 'database', urls.database, async (where) => {
    const database = await openDatabase(where)
    await migrate(database, serverMigrations)
    return opened(database)
  })
  await move(settingsFile, 'messageLogDatabase', urls.messageLogDatabase, (where) =>
    openLogDatabase(where, { migrations: logMigrations(LOG_PARTS) }),
  )
}

function opened(database: Database): Opened {
  return { database, close: () => database.close() }
}

async function move(
  settingsFile: string,
  setting: Setting,
  url: string,
  open: (url: string) => Promise<Opened>,
): Promise<void> {
  const settings = readFileSync(settingsFile, 'utf8')
  const [line, old] = new RegExp(`^${setting}: (sqlite:.*)$`, 'm').exec(settings) as unknown as [
    string,
    string,
  ]
  const [from, to] = [await open(old), await open(url)]
  await copyRows(from.database, to.database)
  await Promise.all([from.close(), to.close()])
  for (const end of ['', '-wal', '-shm']) rmSync(`${old.slice('sqlite:'.length)}${end}`, { force: true })
  writeFileSync(settingsFile, settings.replace(line, `${setting}: ${url}`))
}

async function copyRows(from: Database, to: Database): Promise<void> {
  const tables = await from.kysely.introspection.getTables()
  await to.kysely.transaction().execute(async (transaction) => {
    // Rows come table by table, not in the order of their references.
    await sql`set local session_replication_role = replica`.execute(transaction)
    for (const { name, columns } of tables) {
      await sql`delete from ${sql.table(name)}`.execute(transaction)
      const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(
        from.kysely,
      )
      for (const row of rows) {
        const names = sql.join(Object.keys(row).map((column) => sql.ref(column)))
        const values = sql.join(Object.values(row))
        await sql`insert into ${sql.table(name)} (${names}) values (${values})`.execute(transaction)
      }
      for (const { name: column, isAutoIncrementing } of columns) {
        if (!isAutoIncrementing || rows.length === 0) continue
        await sql`select setval(pg_get_serial_sequence(${name}, ${column}), (select max(${sql.ref(column)}) from ${sql.table(name)}))`.execute(
          transaction,
        )
      }
    }
  })
}
